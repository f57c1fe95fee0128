import type { ProblemsError } from '../../../../model/errors.ts'
import { isEventField } from '../../../../model/event/posted/posted-event.ts'
import { nearestName } from '../../../../model/nearest-name.ts'
import {
  MAX_DEPTH,
  celIssue,
  childrenOf,
  forEachNode,
  isComprehension,
  isMatchesCall,
  parseCel,
  variablesOf,
} from '../cel-engine.ts'
import type { CelIssue, CelNode, CelProgram, CelScope } from '../cel-engine.ts'
import { compileRe2 } from '../values/re2.ts'
import { textProblem } from '../../source-text.ts'
import type { SourceText } from '../../source-text.ts'

/** Longest expression, in bytes. */
const MAX_BYTES = 4096
/** A comprehension inside a comprehension is fine, a third level is not: its cost grows with the cube of the data. */
const MAX_COMPREHENSION_LEVELS = 2

/** Parses a filter; everything that is wrong with it becomes a ProblemsError that points into the text. */
export function parseFilter(source: SourceText): CelProgram {
  if (Buffer.byteLength(source.text) > MAX_BYTES) {
    throw problem(source, `the expression exceeds ${MAX_BYTES} bytes`, 0, 'split it into several rules')
  }
  let program: CelProgram
  try {
    program = parseCel(source.text, source.scope)
  } catch (error) {
    const issue = celIssue(error)
    // The checker gives up on a few legal forms with an error of another kind: refused, never let through.
    if (issue === undefined) throw problem(source, `cannot check the expression: ${plain(String(error))}`, 0)
    throw problem(source, plain(issue.message), issue.start, hintFor(issue, source))
  }
  checkDepth(source, program.ast, 1)
  checkComprehensions(source, program.ast, 0)
  forEachNode(program.ast, (node) => checkLiteral(source, node))
  if (program.resultType !== 'bool' && program.resultType !== 'dyn') {
    throw problem(
      source,
      `the expression must be true or false, but returns ${withArticle(program.resultType)}`,
      0,
      'compare it with a value, such as `… == 1`',
    )
  }
  return program
}

function problem(source: SourceText, message: string, offset: number, hint?: string): ProblemsError {
  return textProblem(source, 'BINGO_RULE_BAD_FILTER', message, offset, hint)
}

function withArticle(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

/** Chains of && and || count once, however long they are: people write many alternatives. */
function checkDepth(source: SourceText, node: CelNode, depth: number): void {
  if (depth > MAX_DEPTH) throw problem(source, `the expression is nested deeper than ${MAX_DEPTH} levels`, node.start)
  for (const child of childrenOf(node)) {
    const chain = (node.op === '&&' || node.op === '||') && child.op === node.op
    checkDepth(source, child, chain ? depth : depth + 1)
  }
}

function checkComprehensions(source: SourceText, node: CelNode, level: number): void {
  const inner = isComprehension(node) ? level + 1 : level
  if (inner > MAX_COMPREHENSION_LEVELS) {
    throw problem(source, 'three nested comprehensions (all, exists, map, filter, …)', node.start)
  }
  for (const child of childrenOf(node)) checkComprehensions(source, child, inner)
}

const LOST_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])
const INT64_LIMIT = 2n ** 63n

function checkLiteral(source: SourceText, node: CelNode): void {
  if (node.op === 'value' && typeof node.args === 'bigint' && node.args >= INT64_LIMIT) {
    // -9223372036854775808 is written as minus and a literal that alone would be too large.
    const isMinimum = node.args === INT64_LIMIT && source.text[node.start - 1] === '-'
    if (!isMinimum)
      throw problem(source, `${node.args} exceeds the range of int`, node.start, 'append u to make it a uint')
  }
  if (node.op === 'map') for (const [key] of node.args) checkMapKey(source, key)
  if (node.op === 'rcall' && isMatchesCall(node.args[0])) checkPattern(source, node.args[2][0])
  if (node.op === 'call' && isMatchesCall(node.args[0])) checkPattern(source, node.args[1][1])
}

/** The engine leaves such entries out of a map that is written in the expression. */
function checkMapKey(source: SourceText, key: CelNode): void {
  if (key.op !== 'value' || typeof key.args !== 'string' || !LOST_KEYS.has(key.args)) return
  throw problem(source, `"${key.args}" is not a valid map key in an expression`, key.start)
}

function checkPattern(source: SourceText, pattern: CelNode | undefined): void {
  if (pattern?.op !== 'value' || typeof pattern.args !== 'string') return
  try {
    compileRe2(pattern.args)
  } catch (error) {
    throw problem(source, (error as Error).message, pattern.start, 'use RE2 syntax: no lookaround, no \\1')
  }
}

/** What is written for the parser's names of tokens. */
const TOKENS: { readonly [name: string]: string } = {
  IDENTIFIER: 'a name',
  LPAREN: '(',
  RPAREN: ')',
  LBRACKET: '[',
  RBRACKET: ']',
  LBRACE: '{',
  RBRACE: '}',
  COLON: ':',
  COMMA: ',',
  DOT: '.',
}

function syntaxWords(message: string): string {
  const [, expected, found] = /^Expected ([A-Z]+), got ([A-Z]+)$/.exec(message) ?? []
  if (expected !== undefined) {
    const missing = TOKENS[expected] ?? expected
    return found === 'EOF' ? `the expression ends where ${missing} is missing` : `${missing} is missing here`
  }
  if (message === 'Unexpected token: EOF') return 'the expression ends where a value is missing'
  return message === 'Unterminated string' ? 'the quote that opens here is not closed' : message
}

/** The engine's message without its names for dynamic types and tokens. */
export function plain(message: string): string {
  return syntaxWords(message)
    .replaceAll(/dyn<([^<>]*)>/g, '$1')
    .replaceAll(/\bnull_type\b/g, 'null')
    .replaceAll('re2Matches', 'matches')
    .replaceAll(/\bto_(int|uint|double|string|timestamp|duration)\b/g, '$1')
}

function hintFor(issue: CelIssue, { text, scope }: SourceText): string | undefined {
  const variable = /^Unknown variable: (.*)$/.exec(issue.message)?.[1]
  if (variable !== undefined) return variableHint(variable, scope)
  if (issue.kind === 'syntax') {
    if (/\bnot\s+in\b/i.test(text)) return 'write !(x in [1, 2])'
    if (/\bin\s*\(/i.test(text)) return 'write x in [1, 2], with square brackets'
    if (/\bIN\b/.test(text)) return 'write in, in lower case, and a list: x in [1, 2]'
    if (text[issue.start] === '~') return "write x.matches('…')"
    if (text[issue.start] === ',' && /\d$/.test(text.slice(0, issue.start))) return 'write decimals with a point: 9.5'
  }
  if (/(^|[^=!<>])=($|[^=])/.test(text.slice(issue.start, issue.start + 2))) return 'compare with =='
  if (/<>/.test(text)) return 'write != instead of <>'
  const word = /\b(and|or|not|is|like|between)\b/i.exec(text)?.[1]?.toLowerCase()
  if (issue.kind === 'syntax' && word !== undefined) return SQL_WORDS[word]
  if (/map<string, dyn> (==|!=) null|null (==|!=) map<string, dyn>/.test(issue.message)) {
    return "test the operation instead: op == 'insert'; new and old always exist"
  }
  if (/(timestamp [-<>=!]+ string|string [-<>=!]+ timestamp)/.test(plain(issue.message))) {
    return "compare with a timestamp: ts > timestamp('2026-01-31T00:00:00Z'), UTC unless a zone is given"
  }
  return undefined
}

const SQL_WORDS: { readonly [word: string]: string } = {
  and: 'write && instead of AND',
  or: 'write || instead of OR',
  not: 'write ! instead of NOT',
  is: 'write == null or != null',
  like: 'use startsWith(), endsWith(), contains() or matches()',
  between: 'write x >= a && x <= b',
}

const OTHER_SPELLINGS: { readonly [name: string]: string } = {
  none: 'null',
  nil: 'null',
  null: 'null',
  undefined: 'null',
  true: 'true',
  false: 'false',
}

function variableHint(name: string, scope: CelScope): string {
  const meant = Object.hasOwn(OTHER_SPELLINGS, name.toLowerCase()) ? OTHER_SPELLINGS[name.toLowerCase()] : undefined
  if (meant !== undefined) return `write ${meant}`
  const variables = Object.keys(variablesOf(scope))
  const nearest = nearestName(name, variables)
  if (nearest !== undefined) return `did you mean ${nearest}?`
  if (isEventField(name)) {
    return scope !== undefined ? `write event.${name}` : 'posted events are for rules with on: instead of table:'
  }
  const written =
    scope !== undefined ? `payload.${name}, or new.${name} for a column` : `new.${name} or old.${name} for a column`
  return `write ${written}; other variables: ${variables.join(', ')}`
}
