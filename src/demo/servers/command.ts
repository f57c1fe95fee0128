import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { BingoError } from '../../model/errors.ts'

/** A program with its arguments, and the variables that it needs on top of this process's environment. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Daemons are often kept out of a user's PATH; these folders are searched after it. */
const DAEMON_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** How much of a failed command's own words goes into the error. */
const OUTPUT_TAIL_CHARS = 2_000

/** Full path of `program`, from PATH and then the usual folders of daemons; undefined where there is none. */
export async function findOnPath(program: string): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...DAEMON_FOLDERS].filter((folder) => folder !== '')
  for (const folder of folders) {
    const path = join(folder, program)
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runs) return path
  }
  return undefined
}

/**
 * Runs a command to its end and returns what it wrote to stdout.
 * @throws BingoError BINGO_COMMAND_FAILED with the end of its output when it cannot start or exits with another code than 0.
 */
export async function runCommand(command: Command, options: { cwd?: string; stdin?: string } = {}): Promise<string> {
  const child = spawn(command.command, command.args, {
    cwd: options.cwd,
    env: { ...process.env, ...command.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  // A command that ends before it has read its input is judged by its exit code, not by this pipe.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.stdin ?? '')
  const exit = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'no exit code'))
  }).catch((cause: unknown) => {
    throw new BingoError('BINGO_COMMAND_FAILED', `cannot start ${command.command}: ${String(cause)}`, { cause })
  })
  if (exit === 0) return Buffer.concat(stdout).toString()
  const said = Buffer.concat([...stdout, ...stderr])
    .toString()
    .trim()
    .slice(-OUTPUT_TAIL_CHARS)
  throw new BingoError('BINGO_COMMAND_FAILED', `${command.command} exited with ${exit}: ${said}`)
}
