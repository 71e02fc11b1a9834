import { readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The package that this runs from. */
export interface OwnPackage {
  version: string
  /** npm publishes none that is private: while it is, it is on no registry. */
  private?: boolean
  folder: string
}

/** Its package.json is beside cli/, and beside dist/ where it is bundled. */
export function ownPackage(): OwnPackage {
  const folder = fileURLToPath(new URL('..', import.meta.url))
  return { ...(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as OwnPackage), folder }
}

/** How a project in that folder names the package among its dependencies: the exact version, or where it is while no registry has it. */
export function dependencySpec(own: OwnPackage, folder: string): string {
  if (!own.private) return own.version
  const path = relative(realPath(resolve(folder)), realPath(resolve(own.folder)))
  return `file:${path.replaceAll('\\', '/') || '.'}`
}

/** Of what need not exist yet. Where a link stands in the way, `..` leads elsewhere than the path says. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return join(realPath(dirname(path)), basename(path))
  }
}
