// The lines and the bar that tell a person what happens.
const $ = (id) => document.getElementById(id);

export function tell(text) {
  $('status').textContent = text;
}

export function warn(text) {
  $('alert').firstElementChild.textContent = text;
  $('alert').hidden = !text;
}

// value: 0 to 1; null: nothing is under way.
export function showProgress(value, canCancel = false) {
  $('work').hidden = value === null;
  $('cancel').hidden = !canCancel;
  if (value !== null) $('progress').value = value;
}

// Runs what a person asked for; shows why it failed.
export async function attempt(action) {
  warn('');
  try {
    return await action();
  } catch (error) {
    warn(error.message);
    return undefined;
  }
}
