// A library with NVML's names, for what recorded answers can't show: structures as C lays them out,
// calls that hang, a lock that a hanging call holds and the destructor waits for. Written from
// nvml.h's documented shapes; $FAKE_NVML says how it behaves.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS = 0, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, MISMATCH = 18 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const unsigned long long MIB = 1024 * 1024;
static int card, part;

static int behaves(const char *how) {
  const char *told = getenv("FAKE_NVML");
  return told != NULL && strcmp(told, how) == 0;
}

static void hang_holding_lock(void) {
  pthread_mutex_lock(&lock);
  sleep(1000);
}

__attribute__((destructor)) static void end(void) {
  pthread_mutex_lock(&lock);
}

int nvmlInit_v2(void) {
  if (behaves("hang")) hang_holding_lock();
  return behaves("mismatch") ? MISMATCH : SUCCESS;
}

const char *nvmlErrorString(int code) {
  return code == MISMATCH ? "Driver/library version mismatch" : "Something else";
}

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
  strncpy(text, "580.95.05", length);
  return SUCCESS;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
  *version = 13000;
  return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
  *count = behaves("many") ? 1000 : 1;
  return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
  *device = &card;
  return index == 0 ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetName(void *device, char *text, unsigned length) {
  strncpy(text, device == &card ? "Fake Card" : "Fake Card MIG 1g.5gb", length);
  return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *text, unsigned length) {
  strncpy(text, device == &card ? "GPU-11111111-2222" : "MIG-33333333-4444", length);
  return SUCCESS;
}

int nvmlDeviceGetPciInfo_v3(void *device, void *info) {
  struct {
    char legacy[16];
    unsigned domain, bus, device, id, subsystem;
    char busId[32];
  } *pci = info;
  (void)device;
  memset(pci, 0, sizeof *pci);
  strcpy(pci->legacy, "0000:0A:00.0");
  strcpy(pci->busId, "00000000:0A:00.0");
  return SUCCESS;
}

#ifndef WITHOUT_VERSION_2
int nvmlDeviceGetMemoryInfo_v2(void *device, void *info) {
  struct {
    unsigned version;
    unsigned long long total, reserved, free, used;
  } *memory = info;
  if (memory->version != (sizeof *memory | (2 << 24))) return 25;
  if (behaves("hang-later")) hang_holding_lock();
  memory->total = (device == &card ? 1000 : 100) * MIB;
  memory->reserved = 50 * MIB;
  memory->used = behaves("full") ? 2000 * MIB : 20 * MIB;
  memory->free = memory->total - 70 * MIB;
  return SUCCESS;
}
#endif

int nvmlDeviceGetMemoryInfo(void *device, void *info) {
  unsigned long long *memory = info;
  (void)device;
  memory[0] = 1000 * MIB;
  memory[1] = 930 * MIB;
  memory[2] = 70 * MIB;
  return SUCCESS;
}

int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
  (void)device;
  *major = 8;
  *minor = 9;
  return SUCCESS;
}

int nvmlDeviceGetNumGpuCores(void *device, unsigned *cores) {
  (void)device;
  *cores = 24 * 128;
  return SUCCESS;
}

int nvmlDeviceGetMigMode(void *device, unsigned *now, unsigned *pending) {
  (void)device;
  *now = *pending = behaves("split");
  return SUCCESS;
}

int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count) {
  (void)device;
  *count = 2;
  return SUCCESS;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *device, unsigned index, void **found) {
  (void)device;
  *found = &part;
  return index == 1 ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetGpuInstanceId(void *device, unsigned *id) {
  (void)device;
  *id = 9;
  return SUCCESS;
}

int nvmlDeviceGetComputeInstanceId(void *device, unsigned *id) {
  (void)device;
  *id = 0;
  return SUCCESS;
}

int nvmlDeviceGetAttributes_v2(void *device, unsigned *attributes) {
  (void)device;
  attributes[0] = 14;
  return SUCCESS;
}

struct process {
  unsigned id;
  unsigned long long bytes;
  unsigned gpu, compute;
};

// More than are asked for at first.
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, struct process *list) {
  const unsigned all = 70, room = *count;
  (void)device;
  *count = all;
  if (room < all) return INSUFFICIENT_SIZE;
  for (unsigned at = 0; at < all; at++) {
    list[at] = (struct process){1000 + at, at == 69 ? ~0ull : at * MIB, ~0u, ~0u};
  }
  return SUCCESS;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(void *device, unsigned *count, struct process *list) {
  (void)device;
  if (*count < 1) return INSUFFICIENT_SIZE;
  *count = 1;
  list[0] = (struct process){7, 3 * MIB, ~0u, ~0u};
  return SUCCESS;
}
