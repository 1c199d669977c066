/* dashboard_files.h - the files of src/web, as the build embeds them. */
#ifndef SIMGATE_API_DASHBOARD_FILES_H
#define SIMGATE_API_DASHBOARD_FILES_H

#include <stddef.h>

extern const unsigned char web_index[], web_app[], web_style[], web_icon[];
extern const size_t web_index_len, web_app_len, web_style_len, web_icon_len;

#endif
