import { statSync } from 'node:fs'

/** Whether a folder is there, as far as this user can see: to a path that is too long, or closed, there is none. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
