import { describe, expect, test } from 'vitest'
import { sarifOf } from '../../../../src/cli/check/sarif.ts'
import type { Problem } from '../../../../src/model/errors.ts'

const at = (file: string): Problem['location'] => ({ file, line: 3, column: 7, excerpt: '    filter: new.x' })
const PROBLEMS: readonly Problem[] = [
  { code: 'B', severity: 'error', location: at('rules/my users.yaml'), message: 'wrong', hint: 'right' },
  { code: 'A', severity: 'warning', location: at('/etc/bingo/r.yaml'), message: 'odd' },
  { code: 'B', severity: 'note', location: undefined, message: 'not checked' },
]

/** The names that an object has in the schema of SARIF 2.1.0, and those that it must have (with !). */
const SHAPES: { readonly [object: string]: string } = {
  log: '$schema version! runs!',
  run: 'tool! columnKind invocations results',
  tool: 'driver!',
  driver: 'name! semanticVersion rules',
  rule: 'id!',
  invocation: 'executionSuccessful! exitCode',
  result: 'ruleId ruleIndex level message! locations',
  message: 'text',
  location: 'physicalLocation',
  physicalLocation: 'artifactLocation region',
  artifactLocation: 'uri',
  region: 'startLine startColumn snippet',
  snippet: 'text',
}
/** Which object stands below which name. */
const BELOW: { readonly [name: string]: string } = {
  runs: 'run',
  rules: 'rule',
  invocations: 'invocation',
  results: 'result',
  locations: 'location',
}

/** What of a value the schema does not have. */
function strange(value: unknown, object = 'log'): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => strange(item, object))
  if (typeof value !== 'object' || value === null) return []
  const known = SHAPES[object]?.split(' ') ?? []
  const names = Object.keys(value)
  return [
    ...names.filter((name) => !known.some((each) => each.replace('!', '') === name)).map((name) => `${object}.${name}`),
    ...known.filter((each) => each.endsWith('!') && !names.includes(each.slice(0, -1))),
    ...Object.entries(value).flatMap(([name, inner]) => strange(inner, BELOW[name] ?? name)),
  ]
}

interface Log {
  readonly version: string
  readonly runs: readonly [
    {
      readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } }
      readonly results: readonly { readonly ruleId: string; readonly ruleIndex: number; readonly level: string }[]
    },
  ]
}

describe('Problems as SARIF', () => {
  const log = JSON.parse(JSON.stringify(sarifOf(false, PROBLEMS, '/work'))) as Log
  const { tool, results } = log.runs[0]

  test('have the shape of SARIF 2.1.0', () => {
    expect(strange(log)).toEqual([])
    expect(log.version).toBe('2.1.0')
  })

  test('name their code, which the tool declares, and their level', () => {
    expect(results.map(({ ruleId, level }) => `${level} ${ruleId}`)).toEqual(['error B', 'warning A', 'note B'])
    for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]).toEqual({ id: ruleId })
  })

  test('stand at their places: relative below the folder, and complete outside of it', () => {
    const region = { startLine: 3, startColumn: 7, snippet: { text: '    filter: new.x' } }
    expect(results).toMatchObject([
      {
        message: { text: 'wrong\nright' },
        locations: [{ physicalLocation: { artifactLocation: { uri: 'rules/my%20users.yaml' }, region } }],
      },
      { locations: [{ physicalLocation: { artifactLocation: { uri: 'file:///etc/bingo/r.yaml' } } }] },
      { locations: [] },
    ])
    expect(sarifOf(true, [{ ...PROBLEMS[0]!, location: at('/work/a/b.yaml') }], '/work')).toMatchObject({
      runs: [{ results: [{ locations: [{ physicalLocation: { artifactLocation: { uri: 'a/b.yaml' } } }] }] }],
    })
  })

  test('are an empty list where nothing is wrong', () => {
    expect(sarifOf(true, [], '/work')).toMatchObject({ runs: [{ results: [], invocations: [{ exitCode: 0 }] }] })
  })
})
