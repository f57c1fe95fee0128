import { spawn, type ChildProcess } from 'node:child_process'
import type { Writable } from 'node:stream'

/**
 * Reads process ids from its stdin. When the pipe closes, because we closed it or because we died, however, it kills
 * the last one and removes the folder. A shell instead of a Node process: it starts in a millisecond and needs 1 MB.
 */
const SCRIPT = `
pid=0
while read -r line; do pid=$line; done
if [ "$pid" -gt 1 ] 2>/dev/null; then kill -KILL "$pid" 2>/dev/null; fi
if [ -n "$2" ]; then "$2" rm -f "$3" >/dev/null 2>&1; fi
tries=0
while ! rm -rf -- "$1" 2>/dev/null && [ "$tries" -lt 20 ]; do tries=$((tries + 1)); sleep 0.1; done
`

/** Guards one server: outlives this process by just long enough to clean up after it. */
export class Watchdog {
  readonly #child: ChildProcess
  readonly #input: Writable

  /** `container`: engine and name of the container that the server runs in. */
  constructor(folder: string, container: { engine: string; name: string } | undefined) {
    const args = [folder, container?.engine ?? '', container?.name ?? '']
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'bingo-watchdog', ...args], {
      // A session of its own: Ctrl-C in the terminal must not reach it.
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    this.#child.unref()
    const input = this.#child.stdin
    if (input === null) throw new TypeError('the watchdog was started without a pipe')
    this.#input = input
    this.#input.on('error', () => undefined)
    if ('unref' in input && typeof input.unref === 'function') input.unref()
  }

  /** Names the process to kill from now on; 0 when there is none. */
  guard(pid: number): void {
    this.#input.write(`${pid}\n`)
  }

  /** Lets it clean up now. Resolves when everything is gone. */
  async finish(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.ref()
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()))
    this.#input.end()
    await gone
  }
}
