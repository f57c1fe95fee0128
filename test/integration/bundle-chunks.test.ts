import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts'
import { MAIN } from './cli-process.ts'

/** Writes the address of each file that is loaded to stderr. */
const HOOKS = `data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module'
registerHooks({ load: (url, context, next) => (process.stderr.write(\`loaded \${url}\\n\`), next(url, context)) })
`)}`

async function loadedBy(args: readonly string[]): Promise<readonly string[]> {
  const run = promisify(execFile)(process.execPath, ['--import', HOOKS, MAIN, ...args], {
    env: CHILD_ENVIRONMENT as NodeJS.ProcessEnv,
  })
  const { stderr } = await run.catch((failed: { stderr: string }) => failed)
  return [...stderr.matchAll(/^loaded (file:.*)$/gm)].map(([, url]) => url!)
}

test.each([['--version'], ['--help'], ['health'], ['health', '--ready'], ['status'], ['targets', 'list']])(
  'bingo %s loads neither the daemon nor the clients of its servers',
  async (...args) => {
    const urls = await loadedBy(args)
    const files = urls.map((url) => basename(url))
    expect(files).toContain('command.js')
    expect(files.filter((file) => /^(daemon|rules|mysql|redis)\.js$/.test(file))).toEqual([])
    // The bundle that is tested stands below a folder of this name itself.
    expect(urls.filter((url) => /\/node_modules\/(?!\.cache\/)/.test(url))).toEqual([])
  },
)

test('a start leaves its compiled code beside the program for the next one, where nobody says another place', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-compiled-'))
  try {
    const program = dirname(dirname(MAIN))
    const filter = (path: string): boolean => basename(path) !== '.compiled'
    cpSync(join(program, 'dist'), join(folder, 'dist'), { recursive: true, filter })
    cpSync(join(program, 'package.json'), join(folder, 'package.json'))
    const start = async (env: NodeJS.ProcessEnv) =>
      (await promisify(execFile)(process.execPath, [join(folder, 'dist/main.js'), '--version'], { env })).stdout
    const kept = (place: string): number => readdirSync(join(folder, place), { recursive: true }).length
    const { PATH } = process.env
    const version = await start({ PATH, NODE_COMPILE_CACHE: join(folder, 'elsewhere') })
    expect(kept('elsewhere')).toBeGreaterThan(1)
    expect(readdirSync(join(folder, 'dist'))).not.toContain('.compiled')
    for (let i = 0; i < 2; i++) {
      expect(await start({ PATH })).toBe(version)
      expect(kept('dist/.compiled')).toBeGreaterThan(1)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
