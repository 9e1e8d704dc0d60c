import { quote } from '../../options/describe-value.js';

export const stateMustBeClass = (): string =>
  '@Migratable({ state }) must be a class with a name whose constructor needs no arguments';

export const stateOptionWithoutState = (option: string): string =>
  `@Migratable({ ${option} }) is about a state, but there is none: name its class with "state"`;

export const wrongVersion = (got: string): string =>
  `@Migratable({ version }) must be an integer from 1 (got ${got})`;

export const missingUpgrade = (from: number, version: number): string =>
  `@Migratable({ upgrade }) has no function for ${from}: version ${version} needs one for each version below it, which makes data of version n + 1 from data of version n`;

export const unknownUpgrade = (key: string, version: number): string =>
  `@Migratable({ upgrade }) has ${quote(key)}, but upgrades lead from a version below ${version} to the next one: remove it or raise the version`;

export const wrongUpgrade = (from: number): string =>
  `@Migratable({ upgrade }) must have a function for ${from}`;

export const wrongTypes = (): string =>
  '@Migratable({ types }) must be a list of classes, or an object of classes by name';

export const wrongType = (where: string): string =>
  `@Migratable({ types }): ${where} is not a class with a name. List classes, or give them names: { types: { Member } }`;

export const sameName = (name: string): string =>
  `@Migratable({ types }) has two classes of the name ${quote(name)}. Give them names of their own: { types: { Member, OldMember: other.Member } }`;

export const sameClass = (name: string): string =>
  `@Migratable({ types }) has the class ${name} twice: remove one`;

export const nativeType = (name: string): string =>
  `@Migratable({ types }): ${name} extends a class of JavaScript itself, so its content is not in properties and would be lost. Keep the content in a property instead`;

export const notTheStateClass = (name: string, got: string): string =>
  `client.state must be an instance of ${name} (got ${got}): set it to new ${name}() or Object.assign(new ${name}(), fields)`;

export const classNotListed = (path: string, name: string): string =>
  `${path} is an instance of ${name}, which is not known: list it in @Migratable({ types: [${name}] }), or keep plain data`;

export const cannotTravel = (path: string, what: string): string =>
  `${path} is ${what}, which cannot travel to another server: keep it outside`;

export const classInPlainData = (path: string, name: string): string =>
  `${path} is an instance of ${name}: only plain data, dates, maps, sets and bytes can travel here`;

export const refersToItself = (path: string): string =>
  `${path} refers to an object that it is a part of: what travels must be a tree`;

export const nestedTooDeeply = (path: string, depth: number): string =>
  `${path} is nested too deeply: at most ${depth} levels can travel`;

export const tooManyValues = (path: string, limit: number): string =>
  `${path} has more than ${limit} values, which never fit into a context`;

export const reservedKey = (path: string): string =>
  `${path} has a property "__proto__", which cannot travel: use a Map`;

export const malformed = (what: string, cause: string): string =>
  `the ${what} that arrived cannot be read: ${cause}`;

export const unknownClass = (path: string, name: string): string =>
  `${path} is an instance of ${quote(name)}, which @Migratable({ types }) of this server does not have`;

export const notAssignable = (path: string, cause: string): string =>
  `${path} does not take its properties: ${cause}`;

export const newerVersion = (name: string, got: number, known: number): string =>
  `the state has version ${got}, this server knows ${name} up to version ${known}`;

export const upgradeFailed = (name: string, from: number): string =>
  `the upgrade of ${name} from version ${from} to ${from + 1} failed`;

export const upgradeReturned = (got: string): string =>
  `the function returned ${got} instead of an object`;

export const stateInvalid = (name: string): string => `the state is no valid ${name}`;

export const contextOutOfBounds = (fault: string): string => `the context of a connection ${fault}`;
