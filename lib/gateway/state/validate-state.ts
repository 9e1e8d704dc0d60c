import { validate, type ValidationError } from 'class-validator';
import { stateInvalid } from './state.messages.js';
import { StateRefusedException } from './state-refused.exception.js';
import { messageOf } from './value-reviver.js';

/** @throws StateRefusedException with one error per constraint that is not met */
export async function validateState(state: object, name: string): Promise<void> {
  let faults: ValidationError[];
  try {
    faults = await validate(state, { forbidUnknownValues: false });
  } catch (error) {
    throw new StateRefusedException('invalid', stateInvalid(name), [messageOf(error)]);
  }
  const errors = faults.flatMap((fault) => flatten(fault));
  if (errors.length > 0) throw new StateRefusedException('invalid', stateInvalid(name), errors);
}

/** `members.0.name: must be a string` instead of a tree. */
function flatten({ property, constraints, children }: ValidationError, parent = ''): string[] {
  const path = parent + property;
  const own = Object.values(constraints ?? {}).map((text) => {
    const said = text.startsWith(`${property} `) ? text.slice(property.length + 1) : text;
    return `${path}: ${said}`;
  });
  return [...own, ...(children ?? []).flatMap((child) => flatten(child, `${path}.`))];
}
