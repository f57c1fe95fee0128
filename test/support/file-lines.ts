import { readFile } from 'node:fs/promises'

/** The whole lines of a file; none before it is there. */
export async function fileLines(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n').slice(0, -1)
}
