const LINES = 6;

/** The same class always has the same line; a person has the first. */
export function lineOf(name: string): string {
  if (name === "person") return "box-line-0";
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  return `box-line-${1 + (sum % (LINES - 1))}`;
}
