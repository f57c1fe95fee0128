#!/usr/bin/env node
// An old Node has to come as far as the message that it is too old: the rest, with newer syntax, is loaded behind it.
import { nodeTooOld, replaceWithFlags } from './model/node-runtime.ts'

const tooOld = nodeTooOld(process.versions.node)
if (tooOld === undefined) {
  replaceWithFlags(process)
  const { keepCompiledCode } = await import('./cli/compiled-code.ts')
  keepCompiledCode(import.meta.filename, process.getuid?.())
  const { runProcess } = await import('./cli/program.ts')
  process.exitCode = await runProcess()
} else {
  process.stderr.write(tooOld)
  process.exitCode = 1
}
