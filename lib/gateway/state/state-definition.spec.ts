import { deepStrictEqual } from 'node:assert';
import {
  IsArray,
  IsInt,
  IsString,
  Min,
  registerDecorator,
  ValidateNested,
  type ValidationOptions,
} from 'class-validator';
import { describe, expect, it } from 'vitest';
import { defineState, type StateOptions } from './state-definition.js';
import { StateRefusedException } from './state-refused.exception.js';

class Member {
  @IsString()
  name: unknown = 'nobody';
}

class ChatState {
  @IsInt()
  @Min(0)
  count = 0;

  @IsArray()
  @ValidateNested({ each: true })
  members: unknown[] = [];

  seen = new Map<string, Date>();

  get total() {
    return this.count + this.members.length;
  }
}

const chat = defineState({ state: ChatState, types: [Member] });
const member = (name: unknown) => Object.assign(new Member(), { name });
const refusal = async (decoding: Promise<unknown>): Promise<StateRefusedException> => {
  const error: unknown = await decoding.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(StateRefusedException);
  return error as StateRefusedException;
};

describe('defineState', () => {
  class Needy {
    constructor(readonly name: string) {}
  }
  class Tags extends Set {}
  const anonymous = (() => class {})();
  const sameName = (() => class Member {})();
  const upgrade = (data: object) => data;

  it.each<[string, object, RegExp]>([
    ['no class', { state: {} }, /\({ state }\) must be a class/],
    ['an arrow function', { state: () => ({}) }, /\({ state }\) must be a class/],
    [
      'a constructor with arguments',
      { state: Needy },
      /\({ state }\) must be a class .* no arguments/,
    ],
    ['version 0', { version: 0 }, /\({ version }\) must be an integer from 1 \(got 0\)/],
    ['version 1.5', { version: 1.5 }, /\({ version }\) .* \(got 1.5\)/],
    ['a version in text', { version: '2' }, /\({ version }\) .* \(got "2"\)/],
    [
      'a missing upgrade',
      { version: 3, upgrade: { 1: upgrade } },
      /has no function for 2: version 3 needs one for each/,
    ],
    ['no upgrades', { version: 1e12 }, /has no function for 1/],
    ['an upgrade of this version', { upgrade: { 1: upgrade } }, /has "1", but/],
    ['an upgrade of 0', { version: 2, upgrade: { 0: upgrade, 1: upgrade } }, /has "0", but/],
    ['a name as upgrade', { version: 2, upgrade: { one: upgrade } }, /has "one", but/],
    [
      'an upgrade that is no function',
      { version: 2, upgrade: { 1: 'x' } },
      /must have a function for 1/,
    ],
    ['types that are no list', { types: Member }, /\({ types }\) must be a list of classes/],
    ['types without a class', { types: [Member, 'Other'] }, /item 1 is not a class with a name/],
    ['types in an object without a class', { types: { Other: 1 } }, /"Other" is not a class/],
    ['a class without name', { types: [anonymous] }, /item 0 is not a class with a name/],
    [
      'two classes of the same name',
      { types: [Member, sameName] },
      /two classes of the name "Member"/,
    ],
    ['a class twice', { types: { a: Member, b: Member } }, /the class Member twice/],
    ['a built-in class', { types: [Map] }, /Map extends a class of JavaScript itself/],
    ['a class that extends a built-in one', { types: [Tags] }, /Tags extends a class of/],
    [
      'a class with the name of the state',
      { types: { ChatState: Member } },
      /two classes of the name "ChatState"/,
    ],
  ])('refuses %s and says what to do', (_, options, text) => {
    const define = () => defineState({ state: ChatState, ...options } as StateOptions<object>);
    expect(define).toThrow(TypeError);
    expect(define).toThrow(text);
  });
});

describe('StateDefinition', () => {
  it('has a version and a class, and makes new states', () => {
    expect(chat.version).toBe(1);
    expect(chat.type).toBe(ChatState);
    expect(chat.create()).toBeInstanceOf(ChatState);
  });

  it('brings a state to another server', async () => {
    const state = Object.assign(new ChatState(), { count: 3, members: [member('Ann')] });
    state.seen.set('Ann', new Date(1e12));
    const decoded = await chat.decode(chat.encode(state), 1);
    deepStrictEqual(decoded, state);
    expect(decoded.total).toBe(4);
  });

  it('gives new properties their defaults, and keeps unknown ones', async () => {
    class Before {
      old = 1;
    }
    const bytes = defineState({ state: Before }).encode(new Before());
    expect(await chat.decode(bytes, 1)).toEqual({ ...new ChatState(), old: 1 });
  });

  it('can have itself in itself', async () => {
    class Node {
      children: Node[] = [];
    }
    const definition = defineState({ state: Node });
    const root = Object.assign(new Node(), { children: [new Node()] });
    deepStrictEqual(await definition.decode(definition.encode(root), 1), root);
  });

  it('encodes instances of its class only', () => {
    class Special extends ChatState {}
    for (const [state, got] of [
      [{ count: 1 }, 'Object'],
      [new Special(), 'Special'],
      [undefined, 'undefined'],
      [null, 'null'],
      [1, 'Number'],
    ] as const) {
      expect(() => chat.encode(state as ChatState)).toThrow(
        `client.state must be an instance of ChatState (got ${got})`,
      );
    }
  });

  it('refuses a cycle through the state itself', () => {
    const state = new ChatState();
    state.members.push({ state });
    expect(() => chat.encode(state)).toThrow(/^state\.members\[0\]\.state refers to an object/);
  });

  it('refuses a newer version', async () => {
    const error = await refusal(chat.decode(chat.encode(new ChatState()), 2));
    expect(error.code).toBe('newerVersion');
    expect(error.message).toBe(
      'the state has version 2, this server knows ChatState up to version 1',
    );
  });

  it.each([0, -1, 1.5, NaN, '1'])('refuses version %j', async (version) => {
    const error = await refusal(chat.decode(chat.encode(new ChatState()), version as number));
    expect(error.code).toBe('malformed');
  });

  it.each<[string, unknown]>([
    ['a list', [1]],
    ['text', 'x'],
    ['nil', null],
  ])('refuses %s in place of the properties', async (_, value) => {
    class Wrapper {
      value = value;
    }
    const bytes = defineState({ state: Wrapper }).encode(new Wrapper());
    const inner = bytes.subarray(bytes.indexOf('value'.charCodeAt(4)) + 1);
    expect((await refusal(chat.decode(inner, 1))).code).toBe('malformed');
  });

  it('refuses what class-validator refuses, with the path of each fault', async () => {
    const state = new ChatState();
    Object.assign(state, { count: -1.5, members: [member('Ann'), member(7)] });
    const error = await refusal(chat.decode(chat.encode(state), 1));
    expect(error.code).toBe('invalid');
    expect(error.errors.toSorted()).toEqual([
      'count: must be an integer number',
      'count: must not be less than 0',
      'members.1.name: must be a string',
    ]);
    expect(error.message).toMatch(/^the state is no valid ChatState: .*members\.1\.name: must be/);
  });

  it('bounds what it says, in one line', async () => {
    const members = Array.from({ length: 500 }, () => member('x\n'.repeat(2000)));
    for (const it of members) it.name = 1;
    const state = Object.assign(new ChatState(), { members });
    const error = await refusal(chat.decode(chat.encode(state), 1));
    expect(error.message).toHaveLength(900);
    expect(error.errors).toHaveLength(50);
    const long = new StateRefusedException('invalid', 'what', [`a\nb${'x'.repeat(5000)}`]);
    expect(long.message).toHaveLength(900);
    expect(long.message).not.toContain('\n');
    expect(long.errors[0]).toHaveLength(900);
  });

  const IsBroken = (options?: ValidationOptions) => (object: object, propertyName: string) =>
    registerDecorator({
      name: 'isBroken',
      target: object.constructor,
      propertyName,
      options,
      validator: { validate: () => Promise.reject(new Error('no database')) },
    });

  it('refuses when a validator fails', async () => {
    class Checked {
      @IsBroken()
      value = 1;
    }
    const definition = defineState({ state: Checked });
    const error = await refusal(definition.decode(definition.encode(new Checked()), 1));
    expect(error.code).toBe('invalid');
    expect(error.errors).toEqual(['no database']);
  });

  it('refuses when the class does not take a property, or cannot be made', async () => {
    const bytes = chat.encode(new ChatState());
    class Counting {
      get count() {
        return 1;
      }
    }
    expect((await refusal(defineState({ state: Counting }).decode(bytes, 1))).code).toBe('invalid');
    class Broken {
      constructor() {
        throw new Error('no luck');
      }
    }
    const error = await refusal(defineState({ state: Broken }).decode(bytes, 1));
    expect(error.message).toContain('no luck');
  });
});

describe('an upgrade', () => {
  class First {
    name = 'Ann';
    owner: unknown = new Member();
    home: unknown = new Home();
  }
  class Home {
    street = 'Main';
  }
  class Third {
    @IsString()
    fullName = '';
    street = '';
    owner?: Member;
    added = 'default';
  }
  const first = defineState({ state: First, types: { Member, Home } });
  const bytes = first.encode(new First());

  it('leads from version 1 over 2 to 3, in order, with plain data', async () => {
    const seen: unknown[] = [];
    const third = defineState({
      state: Third,
      version: 3,
      types: { Member },
      upgrade: {
        2: async (data) => {
          seen.push(data);
          await Promise.resolve();
          return { ...data, fullName: `${data.first} Smith` };
        },
        1: ({ name, home, owner }) => {
          seen.push(Object.getPrototypeOf(home), owner instanceof Member);
          return { first: name, street: (home as Home).street, owner };
        },
      },
    });
    const state = await third.decode(bytes, 1);
    expect(seen.slice(0, 2)).toEqual([Object.prototype, true]);
    expect(seen[2]).toMatchObject({ first: 'Ann', street: 'Main' });
    expect(state).toBeInstanceOf(Third);
    expect(state).toMatchObject({ fullName: 'Ann Smith', street: 'Main', added: 'default' });
    expect(state.owner).toBeInstanceOf(Member);
    const again = await third.decode(third.encode(state), 3);
    deepStrictEqual(again, state);
    expect(seen).toHaveLength(3);
  });

  it('is validated in its result', async () => {
    const upgrade = { 1: () => ({ fullName: 5 }) };
    const second = defineState({ state: Third, version: 2, upgrade });
    const error = await refusal(second.decode(bytes, 1));
    expect(error.code).toBe('invalid');
    expect(error.errors).toEqual(['fullName: must be a string']);
  });

  it.each<[string, () => unknown, string]>([
    [
      'throws',
      () => {
        throw new Error('no name');
      },
      'no name',
    ],
    ['rejects', () => Promise.reject(new Error('no name')), 'no name'],
    [
      'throws no Error',
      () => {
        throw null;
      },
      'something that is no Error',
    ],
    ['returns nothing', () => undefined, 'returned undefined instead of an object'],
    ['returns text', () => 'x', 'returned a string of 1 characters instead'],
    ['returns a list', () => [], 'returned a list of 0 instead'],
    ['returns null', () => null, 'returned null instead'],
  ])('that %s is a refusal', async (_, fn, text) => {
    const second = defineState({ state: Third, version: 2, upgrade: { 1: fn } });
    const error = await refusal(second.decode(bytes, 1));
    expect(error.code).toBe('upgradeFailed');
    expect(error.message).toMatch(/^the upgrade of Third from version 1 to 2 failed: /);
    expect(error.errors).toEqual([expect.stringContaining(text)]);
  });

  it('does not change the decoded data of another attempt', async () => {
    const upgrade = {
      1: (data: Record<string, unknown>) => Object.assign(data, { fullName: 'x', gone: data.gone }),
    };
    const second = defineState({ state: Third, version: 2, upgrade });
    deepStrictEqual(await second.decode(bytes, 1), await second.decode(bytes, 1));
  });
});
