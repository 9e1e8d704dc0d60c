import { BatchContext } from './batch-context.js';

/** A batch's context, with the cursor that a resume handler gets. */
export abstract class ResumableContext extends BatchContext {
  abstract readonly cursor: unknown;
}
