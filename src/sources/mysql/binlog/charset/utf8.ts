/** Strings up to this many bytes are read without a call into native code. Longer ones gain nothing by it. */
const SHORT_BYTES = 40

/**
 * Decodes UTF-8. For short ASCII, which most columns hold, the call into native code costs more than the decoding:
 * one generated case per length hands all bytes to String.fromCharCode at once (measured: 16 ns instead of 60 for 4
 * bytes, 53 instead of 63 for 20).
 */
export const decodeUtf8: (bytes: Buffer, start: number, end: number) => string = compileShortAscii(
  SHORT_BYTES,
  (bytes, start, end) => bytes.toString('utf8', start, end),
)

/** ASCII up to `longest` bytes by generated code, everything else by `general`. */
export function compileShortAscii(
  longest: number,
  general: (bytes: Buffer, start: number, end: number) => string,
): (bytes: Buffer, start: number, end: number) => string {
  const cases = Array.from({ length: longest }, (_, i) => asciiCase(i + 1))
  const body = `return (b,p,e)=>{switch(e-p){case 0:return '';${cases.join('')}default:return general(b,p,e)}}`
  // Made of numbers counted here and nothing else.
  // oxlint-disable-next-line typescript/no-implied-eval
  return new Function('general', 'F', body)(general, String.fromCharCode) as ReturnType<typeof compileShortAscii>
}

function asciiCase(length: number): string {
  const names = Array.from({ length }, (_, i) => `c${i}`)
  const reads = names.map((name, i) => `${name}=b[p+${i}]`)
  return `case ${length}:{const ${reads.join(',')};return (${names.join('|')})<128?F(${names.join(',')}):general(b,p,e)}`
}
