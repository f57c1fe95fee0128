import { join, resolve } from 'node:path'
import { isFolder } from '../../model/folder.ts'

/** `isFolder`: the path is that of a folder, and what is kept in it has a name of its own. */
export interface FileUrl {
  readonly path: string
  readonly isFolder: boolean
}

/** Reads `file:/a/b`, `file:///a/b` and `file:a/b`; null for anything else, such as one with a host. */
export function parseFileUrl(url: string): FileUrl | null {
  if (!url.startsWith('file:')) return null
  const rest = url.slice('file:'.length)
  const path = rest.startsWith('//') ? rest.slice(2) : rest
  if (path === '' || path.startsWith('//') || (rest.startsWith('//') && !path.startsWith('/'))) return null
  let decoded: string
  try {
    decoded = decodeURI(path)
  } catch {
    return null
  }
  const absolute = resolve(decoded)
  return { path: absolute, isFolder: decoded.endsWith('/') || isFolder(absolute) }
}

/** The file of an instance: the path itself, or a file in the folder that is called after the instance. */
export function fileOfInstance({ path, isFolder: inFolder }: FileUrl, name: string, ending: string): string {
  return inFolder ? join(path, `${name.replaceAll(/[^\w.-]/g, '_')}.${ending}`) : path
}
