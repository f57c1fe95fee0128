import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureCached, serversCacheFolder } from '../../src/demo/servers/cache.ts'
import { runCommand } from '../../src/demo/servers/command.ts'
import { progressOnStderr } from '../../src/demo/servers/progress.ts'

/** Compiles the Go program in the folder `source`, once for what its files say; answers its path. Needs Go. */
export async function goProgram(name: string, source: string): Promise<string> {
  const hash = createHash('sha256')
  for (const file of readdirSync(source).toSorted()) hash.update(readFileSync(join(source, file)))
  const folder = await ensureCached(serversCacheFolder(), `${name}-${hash.digest('hex').slice(0, 12)}`, async (to) => {
    progressOnStderr(`compiling ${name} …`)
    await runCommand({ command: 'go', args: ['build', '-o', join(to, 'program'), '.'], env: {} }, { cwd: source })
  })
  return join(folder, 'program')
}
