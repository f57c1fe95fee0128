import { closeSync, openSync, writeSync } from 'node:fs'
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../src/demo/servers/command.ts'

const BLOCK = Buffer.alloc(4096)

/**
 * A folder whose disk a test can fill and empty. Where the machine lets us mount, it is a small file system in memory,
 * and a full one answers ENOSPC. Elsewhere the process that writes to it gets a limit on the size of its files
 * (RLIMIT_FSIZE), and is answered EFBIG, for whatever file.
 */
export class SmallDisk implements AsyncDisposable {
  readonly folder: string
  private readonly mounted: boolean
  private readOnly = false

  private constructor(folder: string, mounted: boolean) {
    this.folder = folder
    this.mounted = mounted
  }

  static async create(bytes: number): Promise<SmallDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'bingo-disk-'))
    const mounted = await mount(folder, bytes)
    return new SmallDisk(folder, mounted)
  }

  /** No byte more can be written by the process. `limitBytes`: what a file may have where nothing can be mounted. */
  async fill(pid: number, limitBytes = 1): Promise<void> {
    if (!this.mounted) {
      await limitFiles(pid, `${limitBytes}:unlimited`)
      return
    }
    const filler = openSync(this.filler, 'a')
    try {
      for (;;) writeSync(filler, BLOCK)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      closeSync(filler)
    }
  }

  async free(pid: number): Promise<void> {
    if (this.mounted) await rm(this.filler, { force: true })
    else await limitFiles(pid, 'unlimited:unlimited')
  }

  /** No file can be made any more; those that are open can still be written to, as after an error of the disk below. */
  async turnReadOnly(): Promise<void> {
    if (!this.mounted) return chmod(this.folder, 0o555)
    // A file system with open files cannot be made read-only; what leads to it can. Root may write whatever the mode.
    await runCommand({ command: 'mount', args: ['--bind', this.folder, this.folder], env: {} })
    await runCommand({ command: 'mount', args: ['-o', 'remount,bind,ro', this.folder], env: {} })
    this.readOnly = true
  }

  async turnWritable(): Promise<void> {
    if (!this.mounted) return chmod(this.folder, 0o755)
    if (this.readOnly) await runCommand({ command: 'umount', args: ['-l', this.folder], env: {} })
    this.readOnly = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.turnWritable()
    if (this.mounted) await runCommand({ command: 'umount', args: ['-l', this.folder], env: {} })
    await rm(this.folder, { recursive: true, force: true })
  }

  private get filler(): string {
    return join(this.folder, 'filler')
  }
}

async function mount(folder: string, bytes: number): Promise<boolean> {
  const args = ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]
  const before = await stat(folder)
  await runCommand({ command: 'mount', args, env: {} }).catch(() => undefined)
  return (await stat(folder)).dev !== before.dev
}

async function limitFiles(pid: number, limit: string): Promise<void> {
  await runCommand({ command: 'prlimit', args: [`--pid=${pid}`, `--fsize=${limit}`], env: {} })
}
