/**
 * What an engine inherits: where this machine has things, and for whom. It is a list of what is passed on, because the
 * rest may hold secrets of this server or of whoever started it. A recipe's `env` adds what an engine needs besides.
 */
const INHERITED =
  /^(?:PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|TMP|TEMP|XDG_[A-Z_]+|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|SSL_CERT_(?:FILE|DIR)|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|(?:CUDA|NVIDIA|HIP|HSA|ROCM|ROCR|HF|HUGGINGFACE|OLLAMA|SYSTEMROOT|WINDIR|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA)(?:_[A-Z0-9_]+)?)$/;

/** @param environment this server's own. */
export function inheritedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && INHERITED.test(entry[0]),
    ),
  );
}
