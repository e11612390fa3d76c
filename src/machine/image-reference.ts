/** The parts of an image reference such as registry:5000/kindest/node:v1.35.8@sha256:07b2…. */
export interface ImageReference {
  /** As the engine shows it: without Docker Hub's own address. */
  name: string
  tag: string | undefined
  /** "sha256:<hex>" of the manifest or the index. */
  digest: string | undefined
}

/** Takes an image reference apart. It is not checked: the engine refuses what is no reference. */
export function partsOfReference(reference: string): ImageReference {
  const [named = '', digest] = reference.split('@', 2)
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const name = hasTag ? named.slice(0, colon) : named
  return {
    name: name.replace(/^(index\.)?docker\.io\//, '').replace(/^library\//, ''),
    tag: hasTag ? named.slice(colon + 1) : undefined,
    digest,
  }
}
