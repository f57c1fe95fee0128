import {
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml'
import { duplicateKeys } from '../../rules/yaml/duplicate-keys.ts'
import { BingoError, type Problem, type SourceLocation } from '../../model/errors.ts'
import { readSmallFile } from '../../model/small-file.ts'

const MAX_ALIASES = 100
/** No setting is deeper than a few levels. */
const MAX_DEPTH = 100
const TOO_DEEP = 'maps or lists are nested too deeply'

/** A parsed YAML file that knows where everything stands. */
export class YamlFile {
  readonly path: string
  readonly problems: Problem[] = []
  readonly #text: string
  readonly #lines = new LineCounter()
  readonly #document: Document.Parsed

  constructor(path: string, text: string) {
    this.path = path
    this.#text = text
    this.#document = this.parse(text)
    const intact = this.#document.errors.length === 0
    for (const { range } of intact ? duplicateKeys(this.#document) : []) {
      this.problems.push({
        code: 'BINGO_CONFIG_YAML',
        severity: 'error',
        location: this.locationAt(range?.[0] ?? 0),
        message: 'the same key stands twice in this map',
        hint: 'Remove one of the two.',
      })
    }
    for (const error of [...this.#document.errors, ...this.#document.warnings]) {
      const tab = error.code === 'TAB_AS_INDENT'
      this.problems.push({
        code: 'BINGO_CONFIG_YAML',
        severity: 'error',
        location: this.locationAt(error.pos[0]),
        message: tab ? 'a tab is used for indentation' : plain(error.message),
        hint: tab ? 'YAML allows only spaces there: replace the tab by two spaces.' : undefined,
      })
    }
  }

  private parse(text: string): Document.Parsed {
    try {
      const document = parseDocument(text, {
        lineCounter: this.#lines,
        intAsBigInt: true,
        prettyErrors: false,
        strict: true,
        uniqueKeys: false,
        logLevel: 'error',
      })
      if (!isTooDeep(document)) return document
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    return this.tooDeep()
  }

  private tooDeep(): Document.Parsed {
    this.problems.push({
      code: 'BINGO_CONFIG_YAML',
      severity: 'error',
      location: { file: this.path, line: 1, column: 1 },
      message: TOO_DEEP,
    })
    return parseDocument('')
  }

  /** The top-level map; null for an empty file. Reports anything else. */
  root(): YAMLMap | null {
    const { contents } = this.#document
    if (contents === null || (isScalar(contents) && contents.value === null)) return null
    if (isMap(contents)) return contents
    this.problems.push({
      code: 'BINGO_CONFIG_TYPE',
      severity: 'error',
      location: this.locationOf(contents),
      message: 'the file is not a map of settings',
      hint: 'Write "name: value" lines, such as "name: bingo".',
    })
    return null
  }

  /** The value of a node as plain data; integers that a number holds exactly are numbers, larger ones bigints. */
  plain(node: unknown): unknown {
    if (!isNode(node)) return null
    try {
      return withNumbers(node.toJS(this.#document, { maxAliasCount: MAX_ALIASES }))
    } catch {
      this.problems.push({
        code: 'BINGO_CONFIG_YAML',
        severity: 'error',
        location: this.locationOf(node),
        message: 'the aliases (*name) cannot be expanded',
        hint: `Each must have an anchor (&name) above it, and together they may stand for at most ${MAX_ALIASES} copies.`,
      })
      return null
    }
  }

  locationOf(node: unknown): SourceLocation {
    return this.locationAt(isNode(node) ? (node.range?.[0] ?? 0) : 0)
  }

  /** Place of the value at a path below a node, or of what comes nearest to it. */
  locate(from: Node, path: readonly (string | number)[]): SourceLocation {
    let node: Node = from
    for (const step of path) {
      if (!isMap(node) && !isSeq(node)) break
      const next: unknown = node.get(step, true)
      if (!isNode(next)) break
      node = next
    }
    return this.locationOf(node)
  }

  private locationAt(offset: number): SourceLocation {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.path, line, column: col, excerpt: this.#text.split(/\r?\n/)[line - 1] }
  }
}

/** Throws BINGO_CONFIG_FILE when the file cannot be read. */
export function readYamlFile(path: string): YamlFile {
  try {
    return new YamlFile(path, readSmallFile(path))
  } catch (error) {
    throw new BingoError('BINGO_CONFIG_FILE', `the configuration ${path} cannot be read: ${(error as Error).message}`, {
      hint: 'Check the path given by --config or BINGO_CONFIG and the permissions of the file.',
      cause: error,
    })
  }
}

/** A map that is a key is printed to become one, which takes the cube of its depth in time. */
function isTooDeep(document: Document.Parsed): boolean {
  let deep = false
  visit(document, {
    Collection(_key, _node, path) {
      deep = path.length > 2 * MAX_DEPTH
      return deep ? visit.BREAK : undefined
    },
  })
  return deep
}

function plain(message: string): string {
  return message.startsWith('Maximum call stack') ? TOO_DEEP : message
}

function withNumbers(value: unknown): unknown {
  if (typeof value === 'bigint')
    return value === BigInt(Number(value)) && Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) return value.map(withNumbers)
  if (typeof value !== 'object' || value === null) return value
  const copy: { [key: string]: unknown } = Object.create(null)
  for (const [key, item] of Object.entries(value)) copy[key] = withNumbers(item)
  return copy
}
