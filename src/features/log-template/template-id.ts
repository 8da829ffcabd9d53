/** Stable name of a template: 16 hex digits of a hash of the service's name and the masked tokens it began with. */
export function templateId(service: string, seed: string): string {
  let lo = 0x811c9dc5 | 0;
  let hi = 0x3c6ef372;
  const text = `${service}\n${seed}`;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    lo = Math.imul(lo ^ code, 0x01000193);
    hi = Math.imul((hi << 5) ^ (hi >>> 27) ^ code, 0x9e3779b1 | 0);
  }
  return hex(lo ^ (hi >>> 15)) + hex(hi ^ (lo >>> 13));
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
