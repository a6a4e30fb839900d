// What outlives the page: in localStorage the work on each picture, by the picture's hash, and settings; in IndexedDB
// the last picture and weights that a person chose. A browser may refuse either; `refused` is then called once.

const PREFIX = 'limn:';
const WORKS_MOST = 100;

export class Keeper {
  constructor(refused) {
    this.refused = (error) => {
      if (!this.told) refused(error);
      this.told = true;
    };
  }

  // ---- Small values -----------------------------------------------------------------------------

  read(key) {
    try {
      return JSON.parse(localStorage.getItem(PREFIX + key));
    } catch {
      return null;
    }
  }

  write(key, value) {
    try {
      localStorage.setItem(PREFIX + key, JSON.stringify(value));
    } catch (error) {
      this.refused(error);
    }
  }

  // The work on a picture. The oldest of more than WORKS_MOST is forgotten.
  writeWork(hash, work) {
    this.write(`work:${hash}`, work);
    const others = (this.read('works') ?? []).filter((other) => other !== hash);
    const works = [hash, ...others];
    for (const old of works.splice(WORKS_MOST)) localStorage.removeItem(`${PREFIX}work:${old}`);
    this.write('works', works);
  }

  readWork(hash) {
    return this.read(`work:${hash}`);
  }

  // ---- Files ------------------------------------------------------------------------------------

  base() {
    return (this.opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open('limn', 1);
      request.onupgradeneeded = () => request.result.createObjectStore('files');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    }));
  }

  async files(mode, work) {
    const base = await this.base();
    return new Promise((resolve, reject) => {
      const transaction = base.transaction('files', mode), request = work(transaction.objectStore('files'));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }

  // key: 'picture' or 'weights'; file: {bytes, name}, or null to remove it.
  async writeFile(key, file) {
    try {
      await this.files('readwrite', (store) => (file ? store.put(file, key) : store.delete(key)));
    } catch (error) {
      this.refused(error);
    }
  }

  async readFile(key) {
    try {
      return (await this.files('readonly', (store) => store.get(key))) ?? null;
    } catch (error) {
      this.refused(error);
      return null;
    }
  }
}

// SHA-256 as hex digits.
export async function hashOf(bytes) {
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
