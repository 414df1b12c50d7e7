/**
 * A table as kubectl prints it: upper-case headers, columns padded by three blanks, nothing after the last one. An
 * empty cell shows as `-`, so that columns can be counted. Ends with a line break; no rows give the header alone.
 */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headers.map((header) => header.toUpperCase()), ...rows.map((row) => row.map((cell) => cell || '-'))];
  const widths = headers.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
