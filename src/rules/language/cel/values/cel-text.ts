import type { CelFunction, Integers } from '../cel-functions.ts'

/** Functions of CEL's strings extension that the engine does not have. */
export function textFunctions({ fail }: Pick<Integers, 'fail'>): readonly CelFunction[] {
  return [
    {
      signature: 'string.replace(string, string): string',
      handler: (text: string, from: string, to: string) => text.replaceAll(from, () => to),
    },
    {
      signature: 'string.replace(string, string, int): string',
      handler: (text: string, from: string, to: string, most: bigint) => replaced(text, from, to, most),
    },
    {
      signature: 'string.charAt(int): string',
      handler: (text: string, at: bigint) => {
        const characters = Array.from(text)
        if (at < 0n || at > BigInt(characters.length)) throw fail(`charAt(): there is no character ${at}`)
        return characters[Number(at)] ?? ''
      },
    },
  ]
}

/** The first occurrences, as many as `most`; all where it is negative. */
function replaced(text: string, from: string, to: string, most: bigint): string {
  let left = most
  return text.replaceAll(from, (found) => {
    if (left === 0n) return found
    left -= 1n
    return to
  })
}
