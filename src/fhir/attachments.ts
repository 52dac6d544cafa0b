/** An Attachment whose content is elsewhere, as a resource has it. */
export interface FoundAttachment {
  /** Where in the resource, as in FHIRPath: `content[0].attachment`. */
  element: string;
  /** As written: absolute, or relative to the FHIR server's base URL. */
  url: string;
  contentType?: string | undefined;
  /** Bytes and SHA-1 (base64) of the content, as the resource says. */
  size?: number | undefined;
  hash?: string | undefined;
}

/**
 * Elements of the data type Attachment (FHIR R4 to R6). Other types that have a `url` have elements besides: Extension a
 * value, RelatedArtifact a type, Bundle links a relation. A resource has its `resourceType`.
 */
const ELEMENTS: ReadonlySet<string> = new Set(
  'id extension contentType language url size hash title creation height width frames duration pages'.split(' '),
);

/** Characters of a URL that is requested; servers accept no longer ones. */
const LONGEST_URL = 16 * 1024;
/** RFC 2397. */
const DATA_URL = /^\s*data:/i;
/** Characters of a media type or hash, with room to spare. */
const LONGEST_HINT = 500;

/**
 * Attachments of a resource and of all that it contains, wherever they are: DocumentReference, DiagnosticReport, Media,
 * Patient.photo, values of extensions. Left out are those with `data`, which has the same content (FHIR R4, Attachment),
 * those whose URL is the content (`data:…`), and references to contained resources (`#…`).
 */
export function findAttachments(resource: unknown): FoundAttachment[] {
  const found: FoundAttachment[] = [];
  // Not by recursion: a resource may be nested deeper than the stack allows.
  const open: { value: unknown; path: string; inExtension: boolean }[] = [
    { value: resource, path: '', inExtension: false },
  ];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, path, inExtension } = next;
    if (Array.isArray(value)) {
      for (let i = value.length - 1; i >= 0; i--) open.push({ value: value[i], path: `${path}[${i}]`, inExtension });
    } else if (typeof value === 'object' && value !== null) {
      const fields = value as Record<string, unknown>;
      if (!inExtension && isAttachment(fields)) found.push(describeAttachment(fields, path));
      for (const [key, inner] of Object.entries(fields).reverse()) {
        if (typeof inner !== 'object') continue;
        const isExtension = key === 'extension' || key === 'modifierExtension';
        open.push({ value: inner, path: path === '' ? key : `${path}.${key}`, inExtension: isExtension });
      }
    }
  }
  return found;
}

/** Whether an object with these fields is one whose content is elsewhere. */
export function isAttachment(fields: Record<string, unknown>): fields is { url: string } {
  const { url } = fields;
  if (typeof url !== 'string' || url === '' || url.startsWith('#') || DATA_URL.test(url)) return false;
  return Object.keys(fields).every(isElement);
}

/** Whether a field is one of the data type Attachment. */
export function isElement(key: string): boolean {
  return ELEMENTS.has(key.startsWith('_') ? key.slice(1) : key);
}

/** @param element where it is in the resource */
export function describeAttachment(
  fields: { url: string } & Record<string, unknown>,
  element: string,
): FoundAttachment {
  const { url, contentType, size, hash } = fields;
  // R5 writes integer64, which `size` is, as a string.
  const bytes = typeof size === 'string' && /^\d+$/.test(size) ? Number(size) : size;
  return {
    element,
    url,
    contentType: hintOf(contentType),
    size: typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined,
    hash: hintOf(hash),
  };
}

function hintOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= LONGEST_HINT ? value : undefined;
}

/** What an absolute URL begins with (RFC 3986, 3.1). */
const SCHEME = /^\s*([a-z][a-z\d+.-]*):/i;

/** Whether a URL is of another scheme than http and https (`urn:…`), so that nobody could ever fetch it. */
export function hasOtherScheme(url: string): boolean {
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase();
  return scheme !== undefined && scheme !== 'https' && scheme !== 'http';
}

/**
 * Absolute URL of an attachment; undefined when it cannot be fetched (`urn:`…), or there is none.
 *
 * @param baseUrl of the FHIR server, without a slash at its end
 */
export function attachmentUrl(url: string, baseUrl: string): string | undefined {
  if (url === '' || url.length > LONGEST_URL || !URL.canParse(url, `${baseUrl}/`)) return undefined;
  const { protocol, href } = new URL(url, `${baseUrl}/`);
  return protocol === 'https:' || protocol === 'http:' ? href : undefined;
}
