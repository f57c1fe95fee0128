import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serversCacheFolder } from '../../src/demo/servers/cache.ts'
import { runCommand } from '../../src/demo/servers/command.ts'
import { unpackDebianPackages } from '../../src/demo/servers/debian-packages.ts'
import { progressOnStderr } from '../../src/demo/servers/progress.ts'

const PACKAGES = { title: 'libfaketime', name: 'faketime-own', suite: 'own', packages: ['libfaketime'] }

/** The wall clock of a process, set at will while it runs (libfaketime, from Debian's packages); monotonic time goes on. */
export class FakeClock implements AsyncDisposable {
  /** What the process needs in its environment. */
  readonly env: Readonly<Record<string, string>>
  private readonly folder: string

  private constructor(folder: string, library: string) {
    this.folder = folder
    this.env = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: join(folder, 'offset'),
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    }
  }

  static async create(): Promise<FakeClock> {
    const { root } = await unpackDebianPackages(PACKAGES, serversCacheFolder(), progressOnStderr)
    const found = await runCommand({ command: 'find', args: [root, '-name', 'libfaketime.so.1'], env: {} })
    const clock = new FakeClock(await mkdtemp(join(tmpdir(), 'bingo-clock-')), found.trim())
    await clock.set('+0')
    return clock
  }

  /** `offset` from true time: `+1h`, `-1d`. */
  async set(offset: string): Promise<void> {
    await writeFile(this.env['FAKETIME_TIMESTAMP_FILE']!, `${offset}\n`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
