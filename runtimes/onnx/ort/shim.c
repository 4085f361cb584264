#include "shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TRY(call)                         \
  do {                                    \
    OrtStatus *status_ = (call);          \
    if (status_ != NULL) return status_;  \
  } while (0)

char *maas_load(const char *path, maas_library *library) {
  library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library->handle == NULL) return strdup(dlerror());

  const OrtApiBase *(*base)(void) = (const OrtApiBase *(*)(void))dlsym(library->handle, "OrtGetApiBase");
  if (base == NULL) {
    dlclose(library->handle);
    return strdup("it is no ONNX Runtime library");
  }
  library->api = base()->GetApi(ORT_API_VERSION);
  if (library->api == NULL) {
    dlclose(library->handle);
    char *text = NULL;
    if (asprintf(&text, "its version is below 1.%d", ORT_API_VERSION) < 0) return strdup("it is too old");
    return text;
  }
  // Fatal only: what fails comes back as a status, and is logged by whoever called.
  OrtStatus *status = library->api->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "maas", &library->env);
  if (status != NULL) {
    char *text = strdup(library->api->GetErrorMessage(status));
    library->api->ReleaseStatus(status);
    return text;
  }
  return NULL;
}

static OrtStatus *add_cuda(const OrtApi *api, OrtSessionOptions *options) {
  OrtCUDAProviderOptionsV2 *cuda = NULL;
  TRY(api->CreateCUDAProviderOptions(&cuda));
  OrtStatus *status = api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda);
  api->ReleaseCUDAProviderOptions(cuda);
  return status;
}

static OrtStatus *configure(const OrtApi *api, OrtSessionOptions *options, maas_session_config config) {
  TRY(api->SetIntraOpNumThreads(options, config.threads));
  // Threads that spin while they wait take the cores of the models beside this one.
  TRY(api->AddSessionConfigEntry(options, "session.intra_op.allow_spinning", "0"));
  // The arena keeps what a run has needed. It grows to the next power of two, after an allocation that failed by as much as that would have been, and
  // what it has is not joined: runs of rising sizes, or one that fails, would leave nothing of a bound for those that come after.
  TRY(api->DisableCpuMemArena(options));
  if (config.folded != NULL) {
    TRY(api->AddSessionConfigEntry(options, "optimization.constant_folding_max_output_size_in_bytes", config.folded));
  }
  if (config.cuda) return add_cuda(api, options);
  return NULL;
}

OrtStatus *maas_open(const maas_library *l, const char *path, maas_session_config config, OrtSession **session) {
  OrtSessionOptions *options = NULL;
  TRY(l->api->CreateSessionOptions(&options));
  OrtStatus *status = configure(l->api, options, config);
  if (status == NULL) status = l->api->CreateSession(l->env, path, options, session);
  l->api->ReleaseSessionOptions(options);
  return status;
}

OrtStatus *maas_count(const maas_library *l, const OrtSession *session, int outputs, size_t *count) {
  return outputs ? l->api->SessionGetOutputCount(session, count) : l->api->SessionGetInputCount(session, count);
}

static OrtStatus *too_many_dimensions(const OrtApi *api) {
  return api->CreateStatus(ORT_INVALID_ARGUMENT, "a tensor has more than 32 dimensions");
}

static OrtStatus *read_shape(const OrtApi *api, const OrtTensorTypeAndShapeInfo *info, maas_tensor *tensor) {
  tensor->is_tensor = 1;
  TRY(api->GetTensorElementType(info, &tensor->type));
  TRY(api->GetDimensionsCount(info, &tensor->rank));
  if (tensor->rank > maas_max_rank) return too_many_dimensions(api);
  return api->GetDimensions(info, tensor->shape, tensor->rank);
}

static OrtStatus *read_declaration(const OrtApi *api, const OrtTypeInfo *type, maas_tensor *declared) {
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  TRY(api->GetOnnxTypeFromTypeInfo(type, &kind));
  if (kind != ONNX_TYPE_TENSOR) return NULL;
  const OrtTensorTypeAndShapeInfo *info = NULL;  // belongs to type
  TRY(api->CastTypeInfoToTensorInfo(type, &info));
  return read_shape(api, info, declared);
}

static OrtStatus *read_name(const OrtApi *api, const OrtSession *session, int outputs, size_t index, char **name) {
  OrtAllocator *allocator = NULL;
  char *theirs = NULL;
  TRY(api->GetAllocatorWithDefaultOptions(&allocator));
  TRY(outputs ? api->SessionGetOutputName(session, index, allocator, &theirs) : api->SessionGetInputName(session, index, allocator, &theirs));
  *name = strdup(theirs);
  return api->AllocatorFree(allocator, theirs);
}

OrtStatus *maas_declared(const maas_library *l, const OrtSession *session, int outputs, size_t index, char **name, maas_tensor *declared) {
  OrtTypeInfo *type = NULL;
  TRY(outputs ? l->api->SessionGetOutputTypeInfo(session, index, &type) : l->api->SessionGetInputTypeInfo(session, index, &type));
  memset(declared, 0, sizeof *declared);
  OrtStatus *status = read_declaration(l->api, type, declared);
  l->api->ReleaseTypeInfo(type);
  if (status != NULL) return status;
  return read_name(l->api, session, outputs, index, name);
}

OrtStatus *maas_new_tensor(const maas_library *l, ONNXTensorElementDataType type, const int64_t *shape, size_t rank, OrtValue **value,
                           void **data) {
  OrtAllocator *allocator = NULL;
  TRY(l->api->GetAllocatorWithDefaultOptions(&allocator));
  TRY(l->api->CreateTensorAsOrtValue(allocator, shape, rank, type, value));
  if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) return NULL;
  OrtStatus *status = l->api->GetTensorMutableData(*value, data);
  if (status != NULL) l->api->ReleaseValue(*value);
  return status;
}

static uint32_t read_length(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void write_length(unsigned char *p, size_t n) {
  for (int i = 0; i < 4; i++) p[i] = (unsigned char)(n >> (8 * i));
}

OrtStatus *maas_fill_strings(const maas_library *l, OrtValue *value, const unsigned char *data, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t length = read_length(data);
    char *buffer = NULL;
    TRY(l->api->GetResizedStringTensorElementBuffer(value, i, length, &buffer));
    memcpy(buffer, data + 4, length);
    data += 4 + (size_t)length;
  }
  return NULL;
}

OrtStatus *maas_read_strings(const maas_library *l, const OrtValue *value, size_t count, unsigned char *data, size_t *size) {
  if (data == NULL) {
    TRY(l->api->GetStringTensorDataLength(value, size));
    *size += 4 * count;
    return NULL;
  }
  for (size_t i = 0; i < count; i++) {
    size_t length = 0;
    TRY(l->api->GetStringTensorElementLength(value, i, &length));
    write_length(data, length);
    TRY(l->api->GetStringTensorElement(value, length, i, data + 4));
    data += 4 + length;
  }
  return NULL;
}

OrtStatus *maas_look(const maas_library *l, const OrtValue *value, maas_tensor *tensor) {
  memset(tensor, 0, sizeof *tensor);
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  TRY(l->api->GetValueType(value, &kind));
  if (kind != ONNX_TYPE_TENSOR) return NULL;

  OrtTensorTypeAndShapeInfo *info = NULL;
  TRY(l->api->GetTensorTypeAndShape(value, &info));
  OrtStatus *status = read_shape(l->api, info, tensor);
  if (status == NULL) status = l->api->GetTensorShapeElementCount(info, &tensor->count);
  l->api->ReleaseTensorTypeAndShapeInfo(info);
  if (status != NULL || tensor->type == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) return status;
  return l->api->GetTensorMutableData((OrtValue *)value, &tensor->data);
}

OrtStatus *maas_new_run(const maas_library *l, OrtRunOptions **options) { return l->api->CreateRunOptions(options); }

OrtStatus *maas_terminate(const maas_library *l, OrtRunOptions *options) { return l->api->RunOptionsSetTerminate(options); }

OrtStatus *maas_run(const maas_library *l, OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                    const OrtValue *const *inputs, size_t input_count, const char *const *output_names, size_t output_count,
                    OrtValue **outputs) {
  return l->api->Run(session, options, input_names, inputs, input_count, output_names, output_count, outputs);
}

OrtErrorCode maas_code(const maas_library *l, const OrtStatus *status) { return l->api->GetErrorCode(status); }
const char *maas_message(const maas_library *l, const OrtStatus *status) { return l->api->GetErrorMessage(status); }
void maas_release_status(const maas_library *l, OrtStatus *status) { l->api->ReleaseStatus(status); }
void maas_release_value(const maas_library *l, OrtValue *value) { l->api->ReleaseValue(value); }
void maas_release_run(const maas_library *l, OrtRunOptions *options) { l->api->ReleaseRunOptions(options); }
void maas_release_session(const maas_library *l, OrtSession *session) { l->api->ReleaseSession(session); }

static struct {
  maas_last_words words;
  struct sigaction go;  // Go's own handler
} at_abort;

static void say(int file, const char *text) {
  if (write(file, text, strlen(text)) < 0) return;  // nobody is left to tell
}

// end_of_memory calls nothing that allocates or locks.
static void end_of_memory(int signal) {
  void *room = mmap(NULL, at_abort.words.least, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room != MAP_FAILED) {
    sigaction(signal, &at_abort.go, NULL);
    raise(signal);  // comes when this returns
    return;
  }
  say(STDERR_FILENO, at_abort.words.log);
  int file = open(at_abort.words.path, O_WRONLY | O_TRUNC);
  if (file >= 0) say(file, at_abort.words.reason);
  _exit(at_abort.words.status);
}

void maas_end_of_memory(maas_last_words words) {
  at_abort.words = words;
  struct sigaction action = {.sa_handler = end_of_memory, .sa_flags = SA_ONSTACK};
  sigaction(SIGABRT, &action, &at_abort.go);
}
