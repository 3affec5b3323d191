/** Letters and digits that nobody mistakes for each other, 32 of them: five bits each. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/** A random password of 100 bits, in groups that can be read out: `k7wq2-…`. */
export function generatePassword(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  const symbols = Array.from(bytes, (byte) => ALPHABET.charAt(byte % ALPHABET.length)).join("");
  return symbols.replace(/.{5}(?=.)/g, "$&-");
}
