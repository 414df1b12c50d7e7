import { expect, test } from 'vitest';
import { CodedError, isCodedError } from './coded-error.ts';
import { errorFields } from './log.ts';

const RULES = { Unreachable: { retryable: true, next: 'open that port' } };
const facts = { attempted: 'redeem the invite', where: 'rome:7443 (TCP)', why: 'no answer within 10 s' };

class PeeringError extends CodedError<keyof typeof RULES> {}

test('CLI-06 the message says what was attempted, where, why it failed, and what to do', () => {
  const error = new PeeringError(RULES, 'Unreachable', facts);
  expect(error.message).toBe('redeem the invite: rome:7443 (TCP): no answer within 10 s; open that port');
  expect(JSON.parse(JSON.stringify(error))).toEqual({ code: 'Unreachable', ...facts, next: 'open that port' });
  expect([error.name, error.retryable, isCodedError(error)]).toEqual(['PeeringError', true, true]);
});

test('facts may know better what to do than the rule of their code', () => {
  const error = new PeeringError(RULES, 'Unreachable', { ...facts, next: 'wait' });
  expect(error.message).toMatch(/; wait$/);
});

test('a log line has the code of a coded error, and the innermost stack of any other', () => {
  const coded = new PeeringError(RULES, 'Unreachable', facts);
  expect(errorFields(coded)).toEqual({ error: coded.message, code: 'Unreachable' });
  expect(errorFields(new Error('probe: failed', { cause: coded }))).toEqual({
    error: 'probe: failed',
    code: 'Unreachable',
  });
  const defect = new TypeError('x is undefined');
  expect(errorFields(new Error('loop: x', { cause: defect }))).toEqual({ error: 'loop: x', stack: defect.stack });
  expect(errorFields('text')).toEqual({ error: 'text' });
  const circular = new Error('circular');
  circular.cause = circular;
  expect(errorFields(circular).error).toBe('circular');
});
