// Writes a settings object as TOML: scalars and lists first, then the tables below them.

export function toToml(settings, path = []) {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  const isTable = (value) => typeof value === "object" && !Array.isArray(value);
  const plain = entries.filter(([, value]) => !isTable(value));
  const tables = entries.filter(([, value]) => isTable(value));
  const lines = plain.map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  if (path.length > 0) {
    lines.unshift(`[${path.join(".")}]`);
  }
  return [...lines, ...tables.map(([key, value]) => toToml(value, [...path, key]))].join("\n");
}

export function merge(base, extra) {
  const merged = { ...base };
  for (const [key, value] of Object.entries(extra)) {
    const both = isObject(base[key]) && isObject(value);
    merged[key] = both ? merge(base[key], value) : value;
  }
  return merged;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
