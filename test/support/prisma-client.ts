import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url))

/** The class that `prisma generate` makes of models; and the folder that it stands in, which goes with `dispose`. */
export interface GeneratedPrisma<Client> extends AsyncDisposable {
  readonly folder: string
  readonly PrismaClient: new (options: object) => Client
}

/** `models`: as they stand in schema.prisma. */
export async function generatePrisma<Client>(
  provider: 'sqlite' | 'mysql' | 'postgresql',
  models: string,
): Promise<GeneratedPrisma<Client>> {
  const folder = await mkdtemp(join(tmpdir(), 'bingo-prisma-'))
  await symlink(MODULES, join(folder, 'node_modules'))
  const generator = 'generator client {\n  provider = "prisma-client"\n  output   = "./client"\n}'
  const schema = `${generator}\ndatasource db {\n  provider = "${provider}"\n}\n${models}\n`
  await writeFile(join(folder, 'schema.prisma'), schema)
  // The engine for migrations would be downloaded, and is not used.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1' }
  const prisma = join(MODULES, 'prisma/build/index.js')
  const args = [prisma, 'generate', '--schema', 'schema.prisma', '--no-hints']
  await promisify(execFile)(process.execPath, args, { cwd: folder, env })
  const client = (await import(pathToFileURL(join(folder, 'client/client.ts')).href)) as GeneratedPrisma<Client>
  return {
    folder,
    PrismaClient: client.PrismaClient,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
