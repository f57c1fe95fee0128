import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { usageOf } from '../bench/process-usage.ts'
import { NODE_FLAGS } from '../../src/model/node-runtime.ts'
import { MAIN } from '../integration/cli-process.ts'

export interface MeasuredCommand {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
  readonly peakRssMb: number
}

const SAMPLE_MS = 10

/** Runs a command line of BinGo to its end with a small heap, and looks at its memory meanwhile. */
export async function measuredCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  heapMb: number,
): Promise<MeasuredCommand> {
  const from = performance.now()
  const child = spawn(process.execPath, [...NODE_FLAGS, `--max-old-space-size=${heapMb}`, MAIN, ...args], {
    cwd: '/tmp',
    env: { PATH: process.env['PATH'], ...env } as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let peakRssMb = 0
  const sampling = setInterval(() => {
    // Gone already, or not yet there.
    if (child.exitCode !== null || child.pid === undefined) return
    peakRssMb = Math.max(peakRssMb, usageOf(child.pid).peakRssMb)
  }, SAMPLE_MS)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  clearInterval(sampling)
  return { code: child.exitCode, stdout, stderr, seconds: (performance.now() - from) / 1_000, peakRssMb }
}
