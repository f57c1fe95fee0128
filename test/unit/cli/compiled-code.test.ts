import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keepCompiledCode } from '../../../src/cli/compiled-code.ts'

test('nothing is kept for sources, for users that do not own the program, and where nobody knows who does', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bingo-compiled-'))
  try {
    const main = join(folder, 'main.js')
    writeFileSync(main, '')
    const { uid } = statSync(folder)
    expect(keepCompiledCode(main, uid + 1)).toBeUndefined()
    expect(keepCompiledCode(main, undefined)).toBeUndefined()
    expect(keepCompiledCode(join(folder, 'main.ts'), uid)).toBeUndefined()
    expect(keepCompiledCode(join(folder, 'gone/main.js'), uid)).toBeUndefined()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
