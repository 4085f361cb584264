// The parts of ONNX Runtime's C API that package ort calls, as functions: Go cannot call the function pointers of OrtApi. Each gives a
// status that is NULL where all went well, and that the caller releases.
#pragma once

#include "abi.h"

// maas_max_rank is the most dimensions that a tensor has here.
enum { maas_max_rank = 32 };

// maas_library is a loaded library with its environment.
typedef struct {
  void *handle;
  const OrtApi *api;
  OrtEnv *env;
} maas_library;

// maas_session_config says how a model is run.
typedef struct {
  int threads;  // of one run; 0: one for each core
  int cuda;     // 1: on the first CUDA device
  const char *folded;  // bytes of the largest constant that is computed at the start; NULL: ONNX Runtime's bound
} maas_session_config;

// maas_tensor describes a tensor or what a model declares of one; is_tensor is 0 for sequences, maps and optionals, and then nothing else is set.
typedef struct {
  int is_tensor;
  ONNXTensorElementDataType type;
  size_t rank;
  int64_t shape[maas_max_rank];  // -1: a dimension of any size
  size_t count;                  // elements; not set for a declaration
  void *data;                    // the runtime's own memory; NULL for strings
} maas_tensor;

// maas_last_words are LastWords of package ort.
typedef struct {
  int status;
  size_t least;
  const char *log;
  const char *path;
  const char *reason;
} maas_last_words;

// maas_end_of_memory is OnOutOfMemory of package ort.
void maas_end_of_memory(maas_last_words words);

// maas_load opens the library and its environment; it gives NULL, or a sentence that the caller frees.
char *maas_load(const char *path, maas_library *library);

OrtStatus *maas_open(const maas_library *l, const char *path, maas_session_config config, OrtSession **session);
OrtStatus *maas_count(const maas_library *l, const OrtSession *session, int outputs, size_t *count);

// maas_declared gives the name, which the caller frees, and the declaration of the index-th input or output.
OrtStatus *maas_declared(const maas_library *l, const OrtSession *session, int outputs, size_t index, char **name, maas_tensor *declared);

// maas_new_tensor makes a tensor in the runtime's memory; data is where its elements go, NULL for strings.
OrtStatus *maas_new_tensor(const maas_library *l, ONNXTensorElementDataType type, const int64_t *shape, size_t rank, OrtValue **value,
                           void **data);

// maas_fill_strings sets the count elements of a string tensor from data, where each stands after its length in 4 bytes, little-endian.
OrtStatus *maas_fill_strings(const maas_library *l, OrtValue *value, const unsigned char *data, size_t count);

// maas_read_strings writes the elements into data in the form of maas_fill_strings, which takes *size bytes; with data NULL it only sets *size.
OrtStatus *maas_read_strings(const maas_library *l, const OrtValue *value, size_t count, unsigned char *data, size_t *size);

OrtStatus *maas_look(const maas_library *l, const OrtValue *value, maas_tensor *tensor);
OrtStatus *maas_new_run(const maas_library *l, OrtRunOptions **options);
OrtStatus *maas_terminate(const maas_library *l, OrtRunOptions *options);
OrtStatus *maas_run(const maas_library *l, OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                    const OrtValue *const *inputs, size_t input_count, const char *const *output_names, size_t output_count,
                    OrtValue **outputs);

OrtErrorCode maas_code(const maas_library *l, const OrtStatus *status);
const char *maas_message(const maas_library *l, const OrtStatus *status);
void maas_release_status(const maas_library *l, OrtStatus *status);
void maas_release_value(const maas_library *l, OrtValue *value);
void maas_release_run(const maas_library *l, OrtRunOptions *options);
void maas_release_session(const maas_library *l, OrtSession *session);
