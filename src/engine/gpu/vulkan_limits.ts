/** What Vulkan's loader is asked for (vulkan_core.h, version 1.0). */
const SYMBOLS = {
  vkCreateInstance: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
  vkDestroyInstance: { parameters: ["pointer", "pointer"], result: "void" },
  vkEnumeratePhysicalDevices: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  vkGetPhysicalDeviceProperties: { parameters: ["pointer", "buffer"], result: "void" },
} as const;

const LIBRARY = Deno.build.os === "windows" ? "vulkan-1.dll" : "libvulkan.so.1";

/** `VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO`, and the size of `VkInstanceCreateInfo`. */
const INSTANCE_CREATE_INFO = 1;
const INSTANCE_CREATE_INFO_BYTES = 64;

/** In `VkPhysicalDeviceProperties`: the name, its limits' `maxStorageBufferRange`, and its size. */
const NAME_OFFSET = 20;
const NAME_BYTES = 256;
const STORAGE_RANGE_OFFSET = 296 + 28;
const PROPERTIES_BYTES = 1024;

/** More devices than any machine has. */
const MOST_DEVICES = 64;

let asked: ReadonlyMap<string, number> | undefined;

/**
 * The largest tensor that Vulkan's devices compute with, in bytes by what their driver calls them:
 * of devices of one name, the least. Empty where Vulkan can't be asked; it is asked once.
 */
export function largestVulkanTensors(): ReadonlyMap<string, number> {
  return asked ??= ask();
}

function ask(): ReadonlyMap<string, number> {
  const largest = new Map<string, number>();
  let vulkan: Deno.DynamicLibrary<typeof SYMBOLS>;
  try {
    vulkan = Deno.dlopen(LIBRARY, SYMBOLS);
  } catch {
    return largest;
  }
  const { symbols } = vulkan;
  const info = new Uint32Array(INSTANCE_CREATE_INFO_BYTES / 4);
  info[0] = INSTANCE_CREATE_INFO;
  const instance = new BigUint64Array(1);
  if (symbols.vkCreateInstance(info, null, instance) !== 0) return largest;
  const made = Deno.UnsafePointer.create(instance[0] ?? 0n);
  const count = new Uint32Array([MOST_DEVICES]);
  const devices = new BigUint64Array(MOST_DEVICES);
  if (symbols.vkEnumeratePhysicalDevices(made, count, devices) === 0) {
    for (const address of devices.subarray(0, count[0])) {
      const properties = new Uint8Array(PROPERTIES_BYTES);
      symbols.vkGetPhysicalDeviceProperties(Deno.UnsafePointer.create(address), properties);
      const name = textOf(properties.subarray(NAME_OFFSET, NAME_OFFSET + NAME_BYTES));
      const range = new DataView(properties.buffer).getUint32(STORAGE_RANGE_OFFSET, true);
      largest.set(name, Math.min(range, largest.get(name) ?? Infinity));
    }
  }
  symbols.vkDestroyInstance(made, null);
  // The loader stays open: the engine has it open too.
  return largest;
}

function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
