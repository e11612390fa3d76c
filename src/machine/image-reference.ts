/** The parts of an image reference such as registry:5000/kindest/node:v1.35.8@sha256:07b2…. */
export interface ImageReference {
  /** As the engine lists it: without Docker Hub's address. */
  name: string
  tag: string | undefined
  /** The digest of the manifest or index, "sha256:<hex>". */
  digest: string | undefined
}

/** Splits an image reference into its parts. It is not validated: the engine refuses an invalid reference. */
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
