/** Token of the validated options ({@link ResolvedOptions}). */
export const RESOLVED_OPTIONS = Symbol('nestjs-ws-migration:options');
