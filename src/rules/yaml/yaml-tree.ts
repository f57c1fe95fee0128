import { LineCounter, isAlias, isMap, isScalar, isSeq, visit } from 'yaml'
import type { Alias, Document, Node, Pair, Scalar, YAMLError, YAMLMap } from 'yaml'
import { duplicateKeys } from './duplicate-keys.ts'
import type { SourceLocation } from '../../model/errors.ts'
import type { Reporter } from '../reporter.ts'
import type { MapEntry, ScalarNode, TreeNode } from './tree.ts'
import { missingBracket, notClosed, plainWords, TAG, TOO_DEEP } from './yaml-words.ts'
import { offsetInFile } from './yaml-offsets.ts'
import { composeDocument, MAX_DEPTH, NestingError } from './yaml-document.ts'

/** Nodes after the expansion of aliases: a file of nested aliases must not grow without bounds. */
const MAX_NODES = 100_000
/** Told one by one: each is looked up in the whole text, and a text that is no YAML has one at each character. */
const MOST_SYNTAX_ERRORS = 20
/** `rules:` is a map, its value a list, and each rule a map. */
const DEPTH_OF_RULES = 3

export interface YamlSource {
  readonly text: string
  /** How the file is called in messages. */
  readonly file: string
  /** Code of the problems of the syntax. */
  readonly code: string
}

/** Parses a YAML text into a tree with places. Undefined when the file is empty or cannot be used; see the reporter. */
export function parseYaml(source: YamlSource, reporter: Reporter): TreeNode | undefined {
  const lines = new LineCounter()
  const document = composed(source, lines, reporter)
  if (document === undefined) return undefined
  const builder = new TreeBuilder(document, source, lines, reporter)
  // A tag that nobody knows is but a warning to the parser, and the value behind it an empty text.
  const errors = [...document.errors, ...document.warnings]
  for (const error of errors.slice(0, MOST_SYNTAX_ERRORS)) builder.reportSyntax(error)
  if (errors.length > MOST_SYNTAX_ERRORS) builder.reportFurther(errors.slice(MOST_SYNTAX_ERRORS))
  if (errors.length > 0 || document.contents === null) return undefined
  const duplicates = duplicateKeys(document)
  for (const key of duplicates) builder.reportDuplicate(key)
  if (duplicates.length > 0) return undefined
  return builder.node(document.contents)
}

/** Undefined where the nesting is too deep. */
function composed({ text, file, code }: YamlSource, lines: LineCounter, reporter: Reporter): Document | undefined {
  try {
    return composeDocument(text, lines)
  } catch (error) {
    if (!(error instanceof NestingError)) throw error
    const { line, col } = lines.linePos(error.offset)
    reporter.error(code, { file, line, column: col }, TOO_DEEP, `at most ${MAX_DEPTH} levels are read`)
    return undefined
  }
}

class TreeBuilder {
  private readonly document: Document
  private readonly source: YamlSource
  private readonly textLines: readonly string[]
  private readonly lines: LineCounter
  private readonly reporter: Reporter
  private readonly excerpts: string[] = []
  private aliases: ReadonlyMap<Alias, Node | undefined> | null = null
  private nodes = 0
  private depth = 0
  /** Something that is not closed was reported. */
  private hasOpen = false
  /** Inside of a rule's pattern, where the digits of an integer are read as they are written. */
  private inPattern = false

  constructor(document: Document, source: YamlSource, lines: LineCounter, reporter: Reporter) {
    this.document = document
    this.source = source
    this.textLines = source.text.split(/\r?\n/)
    this.lines = lines
    this.reporter = reporter
  }

  reportSyntax(error: YAMLError): void {
    const opened = this.openedBefore(error)
    if (opened === undefined) {
      const { message, hint } = plainWords(error)
      return this.report(this.locationAt(error.pos[0]), message, hint)
    }
    // What is open around it was read on beyond its end because of it.
    if (this.hasOpen) return
    this.hasOpen = true
    const { message, hint } = notClosed(this.source.text[opened]!)
    this.report(this.locationAt(opened), message, hint)
  }

  reportFurther(errors: readonly YAMLError[]): void {
    const message = `${errors.length} more of such errors from here on`
    this.report(this.locationAt(errors[0]!.pos[0]), message, 'correct those above first: they may be the cause')
  }

  /** Where the quoted text, list or map begins that the parser misses the end of; of several the innermost. */
  private openedBefore({ pos: [end], code, message }: YAMLError): number | undefined {
    const bracket = code === 'MISSING_CHAR' || code === 'BAD_INDENT' ? missingBracket(message) : undefined
    let from: number | undefined
    visit(this.document, {
      Collection: (_, { flow, range }) => {
        const isMeant = flow === true && range?.[1] === end && this.source.text[range[0]] === bracket
        if (isMeant) from = range[0]
      },
      Scalar: (_, { type, range }) => {
        if (code !== 'MISSING_CHAR' || !type?.startsWith('QUOTE') || range?.[1] !== end) return undefined
        from = range[0]
        return visit.BREAK
      },
    })
    return from
  }

  reportDuplicate({ value, range }: Scalar): void {
    this.report(
      this.locationAt(range?.[0] ?? 0),
      `duplicate key "${String(value)}" in this map`,
      'remove one of the two',
    )
  }

  node(node: Node | null, fallback?: SourceLocation): TreeNode {
    const location = node?.range ? this.locationAt(node.range[0]) : (fallback ?? this.locationAt(0))
    this.nodes += 1
    if (this.nodes > MAX_NODES) {
      if (this.nodes === MAX_NODES + 1)
        this.report(location, `the file has more than ${MAX_NODES} values (aliases expanded)`)
      return empty(location)
    }
    // `filter: ! new.deleted` would be the text without the mark.
    if (node?.tag === '!') this.report(location, TAG.message, TAG.hint)
    if (isScalar(node)) return this.scalar(node, location)
    if (this.depth >= MAX_DEPTH) {
      if (this.nodes <= MAX_NODES) this.report(location, TOO_DEEP)
      this.nodes = MAX_NODES + 1
      return empty(location)
    }
    this.depth += 1
    const collection = this.collection(node, location)
    this.depth -= 1
    return collection
  }

  private resolve(alias: Alias): Node | undefined {
    this.aliases ??= aliasesOf(this.document)
    return this.aliases.get(alias)
  }

  private collection(node: Node | null, location: SourceLocation): TreeNode {
    if (isMap(node)) return { tag: 'map', location, entries: this.entries(node) }
    if (isSeq(node))
      return { tag: 'list', location, items: node.items.map((item) => this.node(item as Node, location)) }
    if (!isAlias(node)) return empty(location)
    const target = this.resolve(node)
    if (target !== undefined) return this.node(target)
    this.report(location, `anchor &${node.source} is not defined above`)
    return empty(location)
  }

  private entries(map: YAMLMap): MapEntry[] {
    const own: MapEntry[] = []
    const merged: MapEntry[] = []
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const keyLocation = this.locationAt(pair.key.range?.[0] ?? 0)
      if (!isScalar(pair.key)) {
        this.report(keyLocation, 'this key is not a string', 'put quotes around a value that starts with {{')
        continue
      }
      const value = this.valueOf(pair, keyLocation)
      if (pair.key.value === '<<' && pair.key.type === 'PLAIN') merged.push(...mergedEntries(value))
      else own.push({ key: String(pair.key.value), keyLocation, value })
    }
    const names = new Set(own.map(({ key }) => key))
    for (const entry of merged) {
      if (names.has(entry.key)) continue
      names.add(entry.key)
      own.push(entry)
    }
    return own
  }

  private valueOf({ key, value }: Pair<Node, Node | null>, location: SourceLocation): TreeNode {
    const outer = this.inPattern
    this.inPattern ||= this.depth === DEPTH_OF_RULES && isScalar(key) && key.value === 'match'
    const node = this.node(value, location)
    this.inPattern = outer
    return node
  }

  private scalar(scalar: Scalar, location: SourceLocation): ScalarNode {
    const value = this.scalarValue(scalar, location)
    const isText = typeof value === 'string' && scalar.range
    return {
      tag: 'scalar',
      location,
      value,
      written: scalar.source ?? String(value ?? ''),
      locate: isText ? (offset) => this.locationAt(offsetInFile(scalar, this.source.text, offset)) : () => location,
    }
  }

  private scalarValue({ value }: Scalar, location: SourceLocation): ScalarNode['value'] {
    if (typeof value === 'bigint') {
      if (Number.isSafeInteger(Number(value)) || this.inPattern) return Number(value)
      this.report(location, `${value} exceeds 2^53 and would lose digits`, 'put quotes around it')
      return null
    }
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
    return value === null || value === undefined ? null : String(value as Date)
  }

  private report(location: SourceLocation, message: string, hint?: string): void {
    this.reporter.error(this.source.code, location, message, hint)
  }

  /** One text for all the values of a line, however long it is. */
  private excerpt(line: number): string {
    return (this.excerpts[line] ??= withoutPasswords(this.textLines[line] ?? ''))
  }

  private locationAt(offset: number): SourceLocation {
    const { line, col } = this.lines.linePos(offset)
    return { file: this.source.file, line, column: col, excerpt: this.excerpt(line - 1) }
  }
}

/** What each one stands for: the last node of that name before it. The parser would look through the whole text for each. */
function aliasesOf(document: Document): ReadonlyMap<Alias, Node | undefined> {
  const aliases = new Map<Alias, Node | undefined>()
  const anchors = new Map<string, Node>()
  visit(document, {
    Alias: (_, alias) => {
      aliases.set(alias, anchors.get(alias.source))
    },
    Value: (_, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node)
    },
  })
  return aliases
}

function empty(location: SourceLocation): ScalarNode {
  return { tag: 'scalar', location, value: null, written: '', locate: () => location }
}

function mergedEntries(value: TreeNode): readonly MapEntry[] {
  if (value.tag === 'map') return value.entries
  return value.tag === 'list' ? value.items.flatMap(mergedEntries) : []
}

/** Excerpts stand in logs: a password in a URL is starred, in its full length so that the caret stays right. */
function withoutPasswords(line: string): string {
  return line.replaceAll(
    /(:\/\/[^\s:/@"']*:)([^\s@"']+)(?=@)/g,
    (_, before: string, password: string) =>
      before + (password.startsWith('$') ? password : '*'.repeat(password.length)),
  )
}
