import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** One entry of the machine's apt sources, as sources.list(5) describes them. */
export interface AptSource {
  readonly uris: readonly string[]
  readonly suites: readonly string[]
  readonly components: readonly string[]
  /** Path of a keyring; undefined where the entry names none or carries the key itself. */
  readonly signedBy: string | undefined
  readonly trusted: boolean
}

/** Parses the one-line format: `deb [signed-by=/path arch=amd64] URI SUITE COMPONENT…`. Sources of source code are left out. */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = []
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)/.exec(line)
    if (!match) continue
    const [, options = '', uri = '', suite = '', components = ''] = match
    const option = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'i').exec(options)?.[1]
    sources.push({
      uris: [uri],
      suites: [suite],
      components: words(components),
      signedBy: keyringPath(option('signed-by')),
      trusted: option('trusted') === 'yes',
    })
  }
  return sources
}

/** Parses the deb822 format: paragraphs of `Field: value`, with continuation lines. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = []
  for (const paragraph of text.split(/\n[ \t]*\n/)) {
    const fields = deb822Fields(paragraph)
    if (!words(fields.get('types')).includes('deb') || fields.get('enabled')?.trim() === 'no') continue
    sources.push({
      uris: words(fields.get('uris')),
      suites: words(fields.get('suites')),
      components: words(fields.get('components')),
      signedBy: keyringPath(fields.get('signed-by')?.trim()),
      trusted: fields.get('trusted')?.trim() === 'yes',
    })
  }
  return sources
}

function deb822Fields(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>()
  let field = ''
  for (const line of paragraph.split('\n')) {
    if (line.startsWith('#')) continue
    const start = /^([^\s:]+):(.*)$/.exec(line)
    if (start) {
      field = (start[1] ?? '').toLowerCase()
      fields.set(field, start[2] ?? '')
    } else {
      fields.set(field, `${fields.get(field) ?? ''}\n${line}`)
    }
  }
  return fields
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '')
}

function keyringPath(signedBy: string | undefined): string | undefined {
  return signedBy?.startsWith('/') ? signedBy : undefined
}

/** All sources of this machine, the main list first, then the folder of parts in the order of their names. */
export async function readAptSources(aptFolder = '/etc/apt'): Promise<AptSource[]> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '')
  const sources = parseOneLineSources(await read(join(aptFolder, 'sources.list')))
  const parts = join(aptFolder, 'sources.list.d')
  for (const name of (await readdir(parts).catch((): string[] => [])).sort()) {
    if (name.endsWith('.list')) sources.push(...parseOneLineSources(await read(join(parts, name))))
    if (name.endsWith('.sources')) sources.push(...parseDeb822Sources(await read(join(parts, name))))
  }
  return sources
}

/** The source that carries the distribution's own main packages: the mirror that the operator of this machine chose. */
export function distributionSource(sources: readonly AptSource[], codename: string): AptSource | undefined {
  return sources.find((source) => source.suites.includes(codename) && source.components.includes('main'))
}
