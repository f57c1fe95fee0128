import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { configSchema } from '../src/app/config/config-schema.ts'
import { rulesSchema } from '../src/rules/schema/rules-schema.ts'
import { actionTypes } from '../src/targets/registry.ts'

const ROOT = new URL('../', import.meta.url)

/** The files of schemas/, by name, as they have to be. */
export function schemas(): ReadonlyMap<string, string> {
  const write = (schema: object): string => `${JSON.stringify(schema, null, 2)}\n`
  return new Map([
    ['rules.schema.json', write(rulesSchema(actionTypes()))],
    ['config.schema.json', write(configSchema(actionTypes(), settingDocs()))],
  ])
}

/** What docs/configuration.md says of each setting. */
export function settingDocs(): ReadonlyMap<string, string> {
  const docs = new Map<string, string>()
  for (const line of readFileSync(new URL('docs/configuration.md', ROOT), 'utf8').split('\n')) {
    const [, names, , text] = /^\| (`[^|]+`) \|([^|]*)\|(.*)\|$/.exec(line) ?? []
    for (const [, path] of (names ?? '').matchAll(/`([^`]+)`/g)) {
      docs.set(
        path!,
        text!
          .trim()
          .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
          .replaceAll('`', ''),
      )
    }
  }
  return docs
}

if (import.meta.main) {
  mkdirSync(new URL('schemas/', ROOT), { recursive: true })
  for (const [name, text] of schemas()) writeFileSync(new URL(`schemas/${name}`, ROOT), text)
}
