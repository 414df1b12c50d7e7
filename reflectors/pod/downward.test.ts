import { expect, test } from 'vitest';
import { formatMap, quote } from './downward.ts';

test('whole maps are written as the kubelet writes them', () => {
  expect(formatMap({ zone: 'b', app: 'web "1"' })).toBe('app="web \\"1\\""\nzone="b"');
  expect(formatMap({})).toBe('');
});

test('texts are quoted like strconv.Quote of Go', () => {
  // Left: value; right: output of fmt.Sprintf("%q").
  const cases: [string, string][] = [
    ['plain', '"plain"'],
    ['tab\tline\n', '"tab\\tline\\n"'],
    ['\x07\b\f\v\r', '"\\a\\b\\f\\v\\r"'],
    ['\x00\x1f\x7f', '"\\x00\\x1f\\x7f"'],
    ['back\\slash', '"back\\\\slash"'],
    ['é日本😀', '"é日本😀"'],
    ['\u00a0', '"\\u00a0"'], // a space, but not the ASCII one
    ['\u200b', '"\\u200b"'],
    ['\u{e0001}', '"\\U000e0001"'],
  ];
  for (const [text, quoted] of cases) expect(quote(text)).toBe(quoted);
});
