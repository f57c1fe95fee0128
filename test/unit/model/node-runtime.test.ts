import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  NODE_ENVIRONMENT,
  NODE_FLAGS,
  nodeTooOld,
  OLDEST_NODE,
  replaceWithFlags,
  TAIL_FLAGS,
  type ReplaceableProcess,
} from '../../../src/model/node-runtime.ts'

const ROOT = new URL('../../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')

interface Replaced {
  readonly file: string
  readonly args: readonly string[]
  readonly env: ReplaceableProcess['env']
}

function replaced(given: Partial<ReplaceableProcess>): Replaced | undefined {
  let call: Replaced | undefined
  replaceWithFlags({
    argv: ['/node', '/main.js', 'run'],
    execArgv: [],
    execPath: '/node',
    env: {},
    execve: (file, args, env) => {
      call = { file, args, env }
      return undefined as never
    },
    ...given,
  })
  return call
}

test.each(['22.19.0', '22.20.1', '24.0.0', '26.1.0-nightly'])('Node %s is new enough', (version) => {
  expect(nodeTooOld(version)).toBeUndefined()
})

test.each(['18.20.8', '20.19.0', '22.9.0', '22.18.0'])(
  'Node %s is told that it is too old, and what is needed',
  (version) => {
    expect(nodeTooOld(version)).toContain(
      `BINGO_NODE_TOO_OLD BinGo requires Node 22.19 or newer; this is Node ${version}`,
    )
  },
)

test('package.json asks for the Node that the entry asks for', () => {
  expect((JSON.parse(read('package.json')) as { engines: { node: string } }).engines.node).toBe(`>=${OLDEST_NODE}`)
})

test('The entry loads nothing but the check of the version before it', () => {
  const imports = (path: string): string[] =>
    [...read(path).matchAll(/^import .* from '(.*)'$/gm)].map((match) => match[1]!)
  expect(imports('src/main.ts')).toEqual(['./model/node-runtime.ts'])
  expect(imports('src/model/node-runtime.ts')).toEqual([])
})

test("A daemon that was started without Node's flags starts again with them and the flags that it had", () => {
  expect(replaced({ execArgv: ['--enable-source-maps'], argv: ['/node', '/main.js', '--debug', 'run'] })).toEqual({
    file: '/node',
    args: ['/node', ...NODE_FLAGS, '--enable-source-maps', '/main.js', '--debug', 'run'],
    env: NODE_ENVIRONMENT,
  })
})

test("A variable that the user set stays, beside Node's", () => {
  expect(replaced({ env: { PATH: '/bin' } })?.env).toEqual({ ...NODE_ENVIRONMENT, PATH: '/bin' })
  expect(replaced({ env: { MALLOC_ARENA_MAX: '4' } })?.env).toEqual({ MALLOC_ARENA_MAX: '4' })
})

test('tail starts again with flags of its own', () => {
  expect(replaced({ argv: ['/node', '/main.js', 'tail', '--limit', '1'] })?.args).toEqual([
    '/node',
    ...TAIL_FLAGS,
    '/main.js',
    'tail',
    '--limit',
    '1',
  ])
})

test.each([
  ['that has the flags', { execArgv: NODE_FLAGS }],
  ['that has another size', { execArgv: ['--max_semi_space_size=32'] }],
  ['that has a size in NODE_OPTIONS', { env: { NODE_OPTIONS: '--trace-gc --max-semi-space-size=8' } }],
  ['of a short command', { argv: ['/node', '/main.js', 'health'] }],
  ['with a channel to its parent', { connected: true }],
])('A process %s is left as it is', (_which, given) => {
  expect(replaced(given)).toBeUndefined()
})

test('Where processes cannot be replaced BinGo runs without the flags', () => {
  const refuse = (): never => {
    throw new Error('ERR_ACCESS_DENIED')
  }
  expect(() => replaced({ execve: refuse })).not.toThrow()
})

test.each([
  [
    'the image',
    'Dockerfile',
    `ENTRYPOINT ${JSON.stringify(['node', ...NODE_FLAGS, '/app/dist/main.js']).replaceAll(',', ', ')}`,
  ],
  ['npm run bingo', 'package.json', `"bingo": "node ${NODE_FLAGS.join(' ')} src/main.ts"`],
  ['npm run demo', 'package.json', `"demo": "node ${NODE_FLAGS.join(' ')} src/main.ts demo"`],
  ['the systemd unit', 'config/bingo.service', `NODE_OPTIONS=${NODE_FLAGS.join(' ')}\n`],
  [
    'the image, environment',
    'Dockerfile',
    `ENV NODE_ENV=production ${Object.entries(NODE_ENVIRONMENT).flat().join('=')}\n`,
  ],
  [
    'the unit, environment',
    'config/bingo.service',
    `Environment=${Object.entries(NODE_ENVIRONMENT).flat().join('=')}\n`,
  ],
])('%s starts Node with the same flags', (_what, path, expected) => {
  expect(read(path)).toContain(expected)
})
