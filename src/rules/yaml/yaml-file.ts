import { BadEncoding, readSmallFile } from '../../model/small-file.ts'
import type { Reporter } from '../reporter.ts'
import type { TreeNode } from './tree.ts'
import { parseYaml } from './yaml-tree.ts'

/** A file that cannot be read at all. */
export class UnreadableFile extends Error {}

/** Text of a YAML file; undefined, and reported, where it is not UTF-8. Throws UnreadableFile. */
export function readYamlText(path: string, name: string, code: string, reporter: Reporter): string | undefined {
  try {
    return readSmallFile(path)
  } catch (error) {
    if (!(error instanceof BadEncoding)) throw new UnreadableFile((error as Error).message, { cause: error })
    const { line, column, message, hint } = error
    reporter.error(code, { file: name, line, column }, message, hint)
    return undefined
  }
}

/** Reads and parses a YAML file. Undefined when it is empty or cannot be used. Throws UnreadableFile. */
export function readYamlFile(path: string, name: string, code: string, reporter: Reporter): TreeNode | undefined {
  const text = readYamlText(path, name, code, reporter)
  return text === undefined ? undefined : parseYaml({ text, file: name, code }, reporter)
}
