import { expect, test } from 'vitest';
import { difference, parseRequestTotal, sum } from './request-count.ts';

test('reads verb, resource and subresource, whatever the order of labels', () => {
  const text = [
    '# HELP apiserver_request_total x',
    'apiserver_request_total{code="201",resource="pods",subresource="",verb="POST"} 12',
    'apiserver_request_total{verb="PATCH",subresource="status",resource="pods",code="200"} 1e3',
    'apiserver_request_terminations_total{verb="PATCH"} 1',
  ].join('\n');
  expect(parseRequestTotal(text)).toEqual([
    { verb: 'POST', resource: 'pods', subresource: '', count: 12 },
    { verb: 'PATCH', resource: 'pods', subresource: 'status', count: 1000 },
  ]);
});

test('a difference has what came since', () => {
  const counts = difference(
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
    new Map([
      ['a', 4],
      ['b', 2],
      ['c', 5],
    ]),
  );
  expect([...counts]).toEqual([
    ['a', 3],
    ['c', 5],
  ]);
  expect(sum(counts)).toBe(8);
});
