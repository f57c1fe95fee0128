/**
 * Loaded with `--import`: kills the process (kill -9, by itself) before the Nth step of its work with files and databases,
 * N being DIE_AT. A step is a call that changes something on disk.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync, StatementSync } from 'node:sqlite'

let left = Number(process.env['DIE_AT'])

type Method = (...args: unknown[]) => unknown

function counted(owner: object, name: string): void {
  const methods = owner as { [name: string]: Method }
  const original = methods[name]!
  methods[name] = function stepped(this: unknown, ...args: unknown[]) {
    // The loader of modules opens them by their addresses.
    if (args[0] instanceof URL || String(args[0]).startsWith('file:')) return original.apply(this, args)
    left -= 1
    if (left === 0) process.kill(process.pid, 'SIGKILL')
    // The signal is delivered on the way back from the system call.
    while (left === 0);
    return original.apply(this, args)
  }
}

for (const name of ['linkSync', 'renameSync', 'rmSync', 'fsyncSync', 'openSync']) counted(fs, name)
for (const name of ['writeFile', 'link', 'rename', 'rm']) counted(fs.promises, name)
for (const name of ['exec', 'close']) counted(DatabaseSync.prototype, name)
counted(StatementSync.prototype, 'run')
syncBuiltinESMExports()
