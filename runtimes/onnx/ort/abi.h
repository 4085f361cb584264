// The part of ONNX Runtime's binary interface that the shim calls. OrtApi is a table of function pointers to which releases only append, so
// that a function's place and form, once released, stay: those below are of version 18 (ONNX Runtime 1.18, onnxruntime_c_api.h, MIT). What
// is not called is a gap. A library that does not have version 18 answers GetApi with NULL.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { ORT_API_VERSION = 18 };

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtValue OrtValue;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtCUDAProviderOptionsV2 OrtCUDAProviderOptionsV2;

typedef enum { ORT_LOGGING_LEVEL_FATAL = 4 } OrtLoggingLevel;
typedef enum { ORT_INVALID_ARGUMENT = 2 } OrtErrorCode;
typedef enum { ONNX_TYPE_UNKNOWN = 0, ONNX_TYPE_TENSOR = 1 } ONNXType;

// As TensorProto.DataType of the ONNX format has them.
typedef enum {
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 = 2,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 = 3,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16 = 4,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16 = 5,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 = 6,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 = 7,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING = 8,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL = 9,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 = 10,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE = 11,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32 = 12,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64 = 13,
} ONNXTensorElementDataType;

typedef struct {
  OrtStatus *(*CreateStatus)(OrtErrorCode code, const char *message);
  OrtErrorCode (*GetErrorCode)(const OrtStatus *status);
  const char *(*GetErrorMessage)(const OrtStatus *status);
  OrtStatus *(*CreateEnv)(OrtLoggingLevel least, const char *name, OrtEnv **env);
  void *gap_4[3];
  OrtStatus *(*CreateSession)(const OrtEnv *env, const char *path, const OrtSessionOptions *options, OrtSession **session);
  void *gap_8[1];
  OrtStatus *(*Run)(OrtSession *session, const OrtRunOptions *options, const char *const *input_names, const OrtValue *const *inputs,
                    size_t input_count, const char *const *output_names, size_t output_count, OrtValue **outputs);
  OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **options);
  void *gap_11[8];
  OrtStatus *(*DisableCpuMemArena)(OrtSessionOptions *options);
  void *gap_20[4];
  OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *options, int threads);
  void *gap_25[5];
  OrtStatus *(*SessionGetInputCount)(const OrtSession *session, size_t *count);
  OrtStatus *(*SessionGetOutputCount)(const OrtSession *session, size_t *count);
  void *gap_32[1];
  OrtStatus *(*SessionGetInputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **type);
  OrtStatus *(*SessionGetOutputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **type);
  void *gap_35[1];
  OrtStatus *(*SessionGetInputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **name);
  OrtStatus *(*SessionGetOutputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **name);
  void *gap_38[1];
  OrtStatus *(*CreateRunOptions)(OrtRunOptions **options);
  void *gap_40[6];
  OrtStatus *(*RunOptionsSetTerminate)(OrtRunOptions *options);
  void *gap_47[1];
  OrtStatus *(*CreateTensorAsOrtValue)(OrtAllocator *allocator, const int64_t *shape, size_t rank, ONNXTensorElementDataType type,
                                       OrtValue **value);
  void *gap_49[2];
  OrtStatus *(*GetTensorMutableData)(OrtValue *value, void **data);
  void *gap_52[1];
  OrtStatus *(*GetStringTensorDataLength)(const OrtValue *value, size_t *bytes);
  void *gap_54[1];
  OrtStatus *(*CastTypeInfoToTensorInfo)(const OrtTypeInfo *type, const OrtTensorTypeAndShapeInfo **info);
  OrtStatus *(*GetOnnxTypeFromTypeInfo)(const OrtTypeInfo *type, ONNXType *kind);
  void *gap_57[3];
  OrtStatus *(*GetTensorElementType)(const OrtTensorTypeAndShapeInfo *info, ONNXTensorElementDataType *type);
  OrtStatus *(*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info, size_t *rank);
  OrtStatus *(*GetDimensions)(const OrtTensorTypeAndShapeInfo *info, int64_t *shape, size_t rank);
  void *gap_63[1];
  OrtStatus *(*GetTensorShapeElementCount)(const OrtTensorTypeAndShapeInfo *info, size_t *count);
  OrtStatus *(*GetTensorTypeAndShape)(const OrtValue *value, OrtTensorTypeAndShapeInfo **info);
  void *gap_66[1];
  OrtStatus *(*GetValueType)(const OrtValue *value, ONNXType *kind);
  void *gap_68[8];
  OrtStatus *(*AllocatorFree)(OrtAllocator *allocator, void *memory);
  void *gap_77[1];
  OrtStatus *(*GetAllocatorWithDefaultOptions)(OrtAllocator **allocator);
  void *gap_79[14];
  void (*ReleaseStatus)(OrtStatus *status);
  void *gap_94[1];
  void (*ReleaseSession)(OrtSession *session);
  void (*ReleaseValue)(OrtValue *value);
  void (*ReleaseRunOptions)(OrtRunOptions *options);
  void (*ReleaseTypeInfo)(OrtTypeInfo *type);
  void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo *info);
  void (*ReleaseSessionOptions)(OrtSessionOptions *options);
  void *gap_101[26];
  OrtStatus *(*GetStringTensorElementLength)(const OrtValue *value, size_t index, size_t *bytes);
  OrtStatus *(*GetStringTensorElement)(const OrtValue *value, size_t bytes, size_t index, void *text);
  void *gap_129[1];
  OrtStatus *(*AddSessionConfigEntry)(OrtSessionOptions *options, const char *key, const char *value);
  void *gap_131[73];
  OrtStatus *(*SessionOptionsAppendExecutionProvider_CUDA_V2)(OrtSessionOptions *options, const OrtCUDAProviderOptionsV2 *cuda);
  OrtStatus *(*CreateCUDAProviderOptions)(OrtCUDAProviderOptionsV2 **cuda);
  void *gap_206[2];
  void (*ReleaseCUDAProviderOptions)(OrtCUDAProviderOptionsV2 *cuda);
  void *gap_209[43];
  OrtStatus *(*GetResizedStringTensorElementBuffer)(OrtValue *value, size_t index, size_t bytes, char **buffer);
} OrtApi;

typedef struct {
  const OrtApi *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;
