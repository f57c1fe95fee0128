import { mkdir } from 'node:fs/promises'
import { ensureCached, serversCacheFolder } from '../../../src/demo/servers/cache.ts'
import { runCommand } from '../../../src/demo/servers/command.ts'
import { progressOnStderr } from '../../../src/demo/servers/progress.ts'

/** `group:artifact:version:packaging`, with `:classifier` where there is one, as Maven takes it. */
export type MavenCoordinates = string

/**
 * The folder `name` of the cache, made from the unpacked files of an archive on Maven Central. `arrange` turns what lies
 * in `unpacked` into what is wanted in `folder`.
 */
export function unpackedArtifact(
  name: string,
  artifact: MavenCoordinates,
  arrange: (unpacked: string, folder: string) => Promise<void>,
): Promise<string> {
  return ensureCached(serversCacheFolder(), name, async (folder) => {
    progressOnStderr(`fetching ${artifact} from Maven Central …`)
    const unpacked = `${folder}/unpacked`
    await mkdir(unpacked)
    const args = ['-q', '-B', 'dependency:unpack', `-Dartifact=${artifact}`, `-DoutputDirectory=${unpacked}`]
    await runCommand({ command: 'mvn', args, env: {} }, { cwd: folder })
    await arrange(unpacked, folder)
    await runCommand({ command: 'rm', args: ['-rf', unpacked], env: {} })
  })
}
