import 'reflect-metadata';
import { SetMetadata } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { BatchContext } from '../../gateway/batch/batch-context.js';
import { Batch, OnMigrateResume } from '../../gateway/batch/batch.decorators.js';
import { Migratable } from '../../gateway/decorators.js';
import { messageMethods, watchMethods } from './message-methods.js';

function makeGateway() {
  class Base {
    readonly name: string = 'base';

    @SubscribeMessage('inherited')
    inherited(data: unknown, @Batch() _batch?: BatchContext) {
      return [this.name, data];
    }
  }

  @WebSocketGateway()
  class Gateway extends Base {
    override readonly name = 'gateway';

    @SubscribeMessage('own')
    @SetMetadata('mark', 5)
    own(first: unknown, second: unknown) {
      return of(this.name, first, second);
    }

    @OnMigrateResume('inherited')
    resume(@Batch() batch: BatchContext) {
      return batch;
    }

    helper() {}
  }
  return { Base, Gateway };
}

const ENDPOINT = { port: 0, path: '/' };
const methodsOf = (gateway: ReturnType<typeof makeGateway>['Gateway']) =>
  messageMethods(gateway, ENDPOINT, new MetadataScanner());

describe('messageMethods', () => {
  it('finds the methods that handle messages, inherited ones too', () => {
    const found = methodsOf(makeGateway().Gateway).map(({ method, event, isBatch, isResume }) => [
      method,
      event,
      isBatch,
      isResume,
    ]);
    expect(found).toHaveLength(3);
    expect(found).toEqual(
      expect.arrayContaining([
        ['inherited', 'inherited', true, false],
        ['own', 'own', false, false],
        ['resume', 'inherited', true, true],
      ]),
    );
  });
});

describe('watchMethods', () => {
  it('leaves methods that are never stopped as they are', () => {
    const { Gateway, Base } = makeGateway();
    const { own } = Gateway.prototype;
    const { inherited } = Base.prototype;
    watchMethods(methodsOf(Gateway), 'wait');
    expect(Gateway.prototype.own).toBe(own);
    expect(Base.prototype.inherited).toBe(inherited);
    expect(Gateway.prototype.inherited).not.toBe(inherited);
    expect(new Gateway().inherited('data')).toEqual(['gateway', 'data']);
  });

  it.each(['restart', 'end'] as const)('watches all where streams may be stopped (%s)', (mode) => {
    const { Gateway } = makeGateway();
    const { own } = Gateway.prototype;
    const methods = watchMethods(methodsOf(Gateway), mode);
    const watching = Gateway.prototype.own;
    expect(watching).not.toBe(own);
    expect([watching.name, watching.length]).toEqual(['own', 2]);
    expect(Reflect.getMetadata('mark', watching)).toBe(5);
    const { results } = methods.find(({ method }) => method === 'own')!;
    expect(results.streams).toBe(false);
    new Gateway().own(1, 2);
    expect(results.streams).toBe(true);
  });

  it('watches all where one gateway asks for it, and each method once', () => {
    const { Gateway } = makeGateway();
    Migratable({ unresumable: 'end' })(Gateway);
    const first = watchMethods(methodsOf(Gateway), 'wait');
    const watching = Gateway.prototype.own;
    const second = watchMethods(methodsOf(Gateway), 'wait');
    expect(Gateway.prototype.own).toBe(watching);
    expect(second.map(({ results }) => results)).toEqual(first.map(({ results }) => results));
    new Gateway().own(1, 2);
    for (const methods of [first, second]) {
      expect(methods.find(({ method }) => method === 'own')!.results.streams).toBe(true);
    }
  });
});
