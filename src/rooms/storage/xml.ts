/** The little XML that the XML API speaks. */

export type XmlValue = string | XmlValue[] | { [name: string]: XmlValue }

/** A document; lists become repeated elements. */
export function xml(root: string, content: XmlValue): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${element(root, content).replace(`<${root}>`, `<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)}`
}

export function element(name: string, content: XmlValue): string {
  if (Array.isArray(content)) return content.map((item) => element(name, item)).join('')
  if (typeof content === 'string') return `<${name}>${escape(content)}</${name}>`
  const inner = Object.entries(content).map(([key, value]) => element(key, value))
  return `<${name}>${inner.join('')}</${name}>`
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' }

function escape(text: string): string {
  // Control characters have no form in XML 1.0 at all.
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char]!).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, '\ufffd')
}

export function decodeXml(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|apos|#34);/g, (whole, name) => (name === '#34' ? '"' : (Object.entries(ESCAPES).find(([, form]) => form === whole)?.[0] ?? whole)))
}
