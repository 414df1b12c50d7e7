import { describe, expect, test } from 'vitest';
import { nearNames, noSuchName } from './near.ts';

describe('nearNames', () => {
  test.each([
    ['rom', ['rome', 'turin', 'romulus'], ['rome', 'romulus']],
    ['trun', ['rome', 'turin'], ['turin']],
    ['kubernetes-admin@milna', ['kubernetes-admin@milan', 'x'], ['kubernetes-admin@milan']],
    ['zzz', ['rome', 'turin'], []],
  ])('%s', (wanted, known, near) => {
    expect(nearNames(wanted, known)).toEqual(near);
  });

  test('offers three at most', () => {
    expect(nearNames('web', ['web1', 'web2', 'web3', 'web4'])).toHaveLength(3);
  });
});

describe('noSuchName', () => {
  test('names what there is where nothing is near', () => {
    expect(noSuchName('zzz', ['rome'])).toBe('there is none of that name; there are: rome');
    expect(noSuchName('zzz', [])).toBe('there is none at all');
  });
});
